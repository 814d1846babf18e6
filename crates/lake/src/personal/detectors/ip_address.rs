//! Addresses of computers on the Internet. Those of private networks count for less.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::personal::detect::{Detector, Weight};

pub(super) struct IpAddress;

/// Points at a line that somebody rents.
const PUBLIC: Weight = Weight { alone: 0.9, named: 1.0 };

/// May as well be a version with four parts.
const LIKE_A_VERSION: Weight = Weight { alone: 0.4, named: 1.0 };

/// Means something inside one network only, or nothing at all.
const PRIVATE: Weight = Weight { alone: 0.2, named: 0.5 };

impl Detector for IpAddress {
    fn name(&self) -> &'static str {
        "ip_address"
    }

    fn finds(&self) -> &'static str {
        "IP addresses"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "ip",
            "ipaddress",
            "ipaddr",
            "ip addr",
            "ipv",
            "client addr",
            "remote addr",
            "remote host",
            "x forwarded for",
        ]
    }

    fn chance(&self) -> f64 {
        0.01
    }

    fn enough(&self) -> f64 {
        0.5
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        match value.parse().ok()? {
            IpAddr::V4(address) => Some(weigh_v4(address)),
            IpAddr::V6(address) => weigh_v6(value, address),
        }
    }
}

fn weigh_v4(address: Ipv4Addr) -> Weight {
    let octets = address.octets();
    let is_shared = octets[0] == 100 && (64..128).contains(&octets[1]);
    let is_private = address.is_private()
        || is_shared
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || octets[0] == 0
        || octets[0] >= 240;
    // Three small parts of four are the rule for versions; for addresses they are one in 140.
    let small = octets.iter().filter(|octet| **octet < 32).count();
    match (is_private, small >= 3) {
        (true, _) => PRIVATE,
        (false, true) => LIKE_A_VERSION,
        (false, false) => PUBLIC,
    }
}

fn weigh_v6(value: &str, address: Ipv6Addr) -> Option<Weight> {
    // Eight pairs of digits are the hardware address of a radio (EUI-64).
    if value.split(':').count() == 8 && value.split(':').all(|part| part.len() == 2) {
        return None;
    }
    let segments = address.segments();
    let is_documentation = segments[..2] == [0x2001, 0xdb8];
    let is_global = segments[0] & 0xe000 == 0x2000;
    Some(if is_global && !is_documentation { PUBLIC } else { PRIVATE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_weigh_more_than_private_ones() {
        for value in ["91.198.174.192", "2a00:1450:400f:80d::200e"] {
            assert_eq!(IpAddress.weigh(value), Some(PUBLIC), "{value}");
        }
        let private = [
            "10.0.0.1",
            "192.168.1.20",
            "172.16.9.9",
            "127.0.0.1",
            "169.254.3.4",
            "100.64.0.9",
            "fe80::1",
            "::1",
            "fd00::2",
        ];
        for value in private {
            assert_eq!(IpAddress.weigh(value), Some(PRIVATE), "{value}");
        }
    }

    #[test]
    fn versions_times_and_hardware_addresses_are_told_apart() {
        assert_eq!(IpAddress.weigh("1.4.12.3"), Some(LIKE_A_VERSION));
        for value in [
            "10.0.19041.1",
            "1.2.3",
            "12:34:56",
            "00:1b:44:11:3a:b7",
            "00:1b:44:ff:fe:11:3a:b7",
            "1.2.3.4.5",
            "01.02.03.04",
        ] {
            assert_eq!(IpAddress.weigh(value), None, "{value}");
        }
    }
}
