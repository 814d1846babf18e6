//! Postal addresses: a street with a number, where the name of the column says that it is one.

use crate::personal::detect::{Detector, Weight};

pub(super) struct PostalAddress;

impl Detector for PostalAddress {
    fn name(&self) -> &'static str {
        "postal_address"
    }

    fn finds(&self) -> &'static str {
        "postal addresses"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "address",
            "address line",
            "addr",
            "street",
            "street address",
            "adresse",
            "postadresse",
            "gateadresse",
            "adress",
            "gatuadress",
            "postadress",
            "anschrift",
            "strasse",
            "adres",
            "straat",
            "osoite",
            "rue",
            "direccion",
            "domicilio",
            "calle",
            "indirizzo",
            "endereco",
            "morada",
            "ulica",
        ]
    }

    fn contrary_words(&self) -> &'static [&'static str] {
        &[
            "bus",
            "email",
            "e mail",
            "eth",
            "host",
            "ip",
            "ipaddress",
            "mac",
            "mail",
            "memory",
            "modbus",
            "net",
            "node",
            "register",
            "remote",
            "server",
            "slave",
            "url",
            "wallet",
            "web",
        ]
    }

    fn chance(&self) -> f64 {
        0.1
    }

    fn enough(&self) -> f64 {
        0.5
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        const LONGEST: usize = 200;
        let is_street =
            |word: &str| word.chars().filter(|letter| letter.is_alphabetic()).count() >= 3;
        let has_number = value.chars().any(char::is_numeric);
        let is_one = value.chars().count() <= LONGEST
            && value.split_whitespace().count() >= 2
            && value.split_whitespace().any(is_street);
        is_one.then_some(Weight { alone: 0.0, named: if has_number { 0.95 } else { 0.6 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_street_with_a_number_weighs_more_than_one_without() {
        for value in ["12 Main Street", "Storgata 5B, 0155 Oslo", "221B Baker St."] {
            assert_eq!(
                PostalAddress.weigh(value).map(|weight| weight.named),
                Some(0.95),
                "{value}"
            );
        }
        assert_eq!(PostalAddress.weigh("Rue de la Paix").map(|weight| weight.named), Some(0.6));
    }

    #[test]
    fn addresses_of_machines_are_refused() {
        for value in ["0x7ffd12", "40001", "00:1b:44:11:3a:b7", "10.0.0.1", "a 1", ""] {
            assert_eq!(PostalAddress.weigh(value), None, "{value}");
        }
    }
}
