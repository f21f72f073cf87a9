//! The bytes of a deal.
//!
//! Most deals take nobody's place, are never covered by a bond and are not paid on a chain: their bytes say no word of that, so that they are
//! those that deals always had. One byte tells which parts follow.

use super::Deal;
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{self, Read, Write};

/// A payment in flight follows.
const IN_FLIGHT: u8 = 1;
/// What was carried over follows.
const CARRIED: u8 = 2;
/// What a bond has covered follows; never 0.
const COVERED: u8 = 4;
/// How far payments on a chain have come follows.
const ON_CHAIN: u8 = 8;

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl BorshSerialize for Deal {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        (&self.terms, self.state, self.sent, self.tranche, self.due_since).serialize(out)?;
        let covered = Some(self.covered).filter(|covered| !covered.is_zero());
        let flag = |follows: bool, flag: u8| if follows { flag } else { 0 };
        let flags = flag(self.in_flight.is_some(), IN_FLIGHT)
            | flag(self.carried.is_some(), CARRIED)
            | flag(covered.is_some(), COVERED)
            | flag(self.chain.is_some(), ON_CHAIN);
        flags.serialize(out)?;
        self.in_flight.as_ref().map_or(Ok(()), |open| open.serialize(out))?;
        self.carried.map_or(Ok(()), |carried| carried.serialize(out))?;
        covered.map_or(Ok(()), |covered| covered.serialize(out))?;
        self.chain.map_or(Ok(()), |chain| chain.serialize(out))
    }
}

fn read<T: BorshDeserialize>(follows: bool, from: &mut impl Read) -> io::Result<Option<T>> {
    if follows { T::deserialize_reader(from).map(Some) } else { Ok(None) }
}

impl BorshDeserialize for Deal {
    fn deserialize_reader<R: Read>(from: &mut R) -> io::Result<Self> {
        let (terms, state, sent, tranche, due_since) = BorshDeserialize::deserialize_reader(from)?;
        let flags = u8::deserialize_reader(from)?;
        if flags & !(IN_FLIGHT | CARRIED | COVERED | ON_CHAIN) != 0 {
            return Err(damaged("a deal has a part that nobody knows"));
        }
        let in_flight = read(flags & IN_FLIGHT != 0, from)?;
        let carried = read(flags & CARRIED != 0, from)?;
        let covered: Option<bandex_types::Amount> = read(flags & COVERED != 0, from)?;
        // There is one encoding of each deal.
        if covered.is_some_and(bandex_types::Amount::is_zero) {
            return Err(damaged("a deal is covered by nothing"));
        }
        let covered = covered.unwrap_or_default();
        let chain = read(flags & ON_CHAIN != 0, from)?;
        Ok(Self { terms, state, sent, tranche, due_since, in_flight, carried, covered, chain })
    }
}
