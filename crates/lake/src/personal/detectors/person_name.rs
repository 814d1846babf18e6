//! Names of people. Words are one only where the name of the column says so.

use crate::personal::detect::{Detector, Weight};

pub(super) struct PersonName;

impl Detector for PersonName {
    fn name(&self) -> &'static str {
        "person_name"
    }

    fn finds(&self) -> &'static str {
        "names of people"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "first name",
            "last name",
            "middle name",
            "full name",
            "maiden name",
            "given name",
            "family name",
            "surname",
            "forename",
            "person name",
            "patient name",
            "customer name",
            "client name",
            "employee name",
            "contact name",
            "driver name",
            "operator name",
            "user full name",
            "fornavn",
            "etternavn",
            "efternavn",
            "mellomnavn",
            "fornamn",
            "efternamn",
            "etunimi",
            "sukunimi",
            "vorname",
            "nachname",
            "familienname",
            "voornaam",
            "achternaam",
            "prenom",
            "nom de famille",
            "nom complet",
            "primer nombre",
            "nombre completo",
            "apellido",
            "apellidos",
            "cognome",
            "nome completo",
            "sobrenome",
            "apelido",
            "imie",
            "nazwisko",
        ]
    }

    fn vague_names(&self) -> &'static [&'static str] {
        &[
            "name",
            "navn",
            "namn",
            "nimi",
            "naam",
            "nom",
            "nombre",
            "nome",
            "operator",
            "driver",
            "technician",
            "author",
            "inspector",
            "patient",
            "customer",
            "employee",
            "contact",
            "person",
        ]
    }

    fn chance(&self) -> f64 {
        0.2
    }

    fn enough(&self) -> f64 {
        0.6
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        const LONGEST: usize = 60;
        const MOST_WORDS: usize = 6;
        let is_of_names = |letter: char| {
            letter.is_alphabetic() || matches!(letter, ' ' | '-' | '\'' | '’' | '.' | ',')
        };
        let letters = value.chars().filter(|letter| letter.is_alphabetic()).count();
        let is_one = letters >= 2
            && value.chars().count() <= LONGEST
            && value.split_whitespace().count() <= MOST_WORDS
            && value.chars().all(is_of_names);
        is_one.then_some(Weight { alone: 0.0, named: 0.95 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_in_a_column_that_is_named_so_and_nowhere_else() {
        for value in [
            "Ada",
            "ada lovelace",
            "O'Neil, Seán",
            "Müller-Lüdenscheidt",
            "李小龙",
            "J. R. R. Tolkien",
        ] {
            assert_eq!(
                PersonName.weigh(value),
                Some(Weight { alone: 0.0, named: 0.95 }),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for value in
            ["P-101", "pump_3", "42", "x", "true story about a pump that did not stop running", ""]
        {
            assert_eq!(PersonName.weigh(value), None, "{value}");
        }
    }
}
