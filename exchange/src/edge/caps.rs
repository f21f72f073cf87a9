//! How many may be in at a time: in all, and from one address.

use super::address::network_of;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts who is in.
#[derive(Debug)]
pub(crate) struct Caps {
    in_all_max: usize,
    per_address_max: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    in_all: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Too many in all.
    InAll,
    /// Too many from this address.
    OfAddress,
}

/// A place that was taken; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    caps: Arc<Caps>,
    /// Whose, if it counts against an address.
    address: Option<IpAddr>,
}

impl Caps {
    pub fn new(in_all_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { in_all_max, per_address_max, counts: Mutex::default() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are in.
    pub fn in_all(&self) -> usize {
        self.counts().in_all
    }

    /// Takes a place, for this address if one counts.
    ///
    /// # Errors
    /// There is none left.
    pub fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Full> {
        let address = address.map(network_of);
        let mut counts = self.counts();
        if counts.in_all >= self.in_all_max {
            return Err(Full::InAll);
        }
        if let Some(address) = address {
            let of_address = counts.by_address.get(&address).copied().unwrap_or(0);
            if of_address >= self.per_address_max {
                return Err(Full::OfAddress);
            }
            // From here it is let in.
            counts.by_address.insert(address, of_address + 1);
        }
        counts.in_all += 1;
        drop(counts);
        Ok(Place { caps: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.caps.counts();
        counts.in_all = counts.in_all.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(count) = counts.by_address.get_mut(&address)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let caps = Caps::new(4, 2);
        let one = caps.enter(address("10.0.0.1")).unwrap();
        let _two = caps.enter(address("10.0.0.1")).unwrap();
        assert_eq!(caps.enter(address("10.0.0.1")).err(), Some(Full::OfAddress));
        // One household has one network of IPv6, and as many addresses as it likes.
        let _three = caps.enter(address("2001:db8::1")).unwrap();
        let four = caps.enter(address("2001:db8::2")).unwrap();
        assert_eq!(caps.in_all(), 4);
        assert_eq!(caps.enter(address("10.0.0.2")).err(), Some(Full::InAll));
        assert_eq!(caps.enter(None).err(), Some(Full::InAll));
        drop(four);
        drop(one);
        let _again = caps.enter(address("10.0.0.1")).unwrap();
        // Whoever counts against no address counts all the same.
        let _proxy = caps.enter(None).unwrap();
        assert_eq!(caps.enter(None).err(), Some(Full::InAll));
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let caps = Caps::new(8, 8);
        drop((caps.enter(address("10.0.0.1")), caps.enter(address("10.0.0.2")), caps.enter(None)));
        assert_eq!(caps.in_all(), 0);
        assert!(caps.counts().by_address.is_empty());
    }
}
