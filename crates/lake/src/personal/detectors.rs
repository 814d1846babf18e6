//! Every sort of personal data that is looked for: one file and one line each.

mod birth_date;
mod card_number;
mod email;
mod french_nir;
mod german_tax_id;
mod iban;
mod ip_address;
mod italian_codice_fiscale;
mod norwegian_id;
mod person_name;
mod phone;
mod postal_address;
mod spanish_dni;
mod swedish_personnummer;
mod uk_nino;
mod us_ssn;

use super::detect::Detector;

/// All detectors, by name.
pub fn detectors() -> &'static [&'static dyn Detector] {
    &[
        &birth_date::BirthDate,
        &card_number::CardNumber,
        &email::Email,
        &french_nir::FrenchNir,
        &german_tax_id::GermanTaxId,
        &iban::Iban,
        &ip_address::IpAddress,
        &italian_codice_fiscale::ItalianCodiceFiscale,
        &norwegian_id::NorwegianId,
        &person_name::PersonName,
        &phone::Phone,
        &postal_address::PostalAddress,
        &spanish_dni::SpanishDni,
        &swedish_personnummer::SwedishPersonnummer,
        &uk_nino::UkNino,
        &us_ssn::UsSsn,
    ]
}
