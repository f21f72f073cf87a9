//! When a header may follow another: proof of work, difficulty, time. As in Bitcoin Core's pow.cpp and validation.cpp.

use crate::NetworkRules;
use crate::{Network, shown};
use bitcoin::block::Header;
use bitcoin::hashes::Hash as _;
use bitcoin::{CompactTarget, Target};

/// After how many blocks the difficulty follows the time they took.
const PERIOD: u32 = 2016;
/// A testnet4 block later than this after its parent may have the least difficulty, in seconds.
const LATE_S: u32 = 20 * 60;
/// How much earlier than its parent the first block of a testnet4 period may be, in seconds (BIP 94).
const TIMEWARP_S: u32 = 600;
/// Over how many headers the median of times goes.
const MEDIAN_OF: u32 = 11;
/// A compact target with a larger exponent does not fit 256 bits.
const EXPONENT_MAX: u32 = 32;

/// Why a header is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It follows a header that is not known.
    #[error("header {at} follows {}, which is not known", shown(parent))]
    Unknown {
        /// Which of the headers given, from 0.
        at: usize,
        /// The hash of the header it names as its parent.
        parent: [u8; 32],
    },
    /// It does not follow the one given before it.
    #[error("header {at} does not follow the one before it")]
    Unlinked {
        /// Which of the headers given, from 0.
        at: usize,
    },
    /// It leaves the active chain further below the tip than a reorganisation may reach.
    #[error(
        "header {at} leaves the active chain {depth} blocks below its tip, more than {}",
        crate::REORGANISATION_MAX
    )]
    TooDeep {
        /// Which of the headers given, from 0.
        at: usize,
        /// How many blocks a reorganisation to it would undo.
        depth: u32,
    },
    /// Its hash is above its target.
    #[error("the hash {} is above the target that the header names", shown(.0))]
    Work([u8; 32]),
    /// Its target is above what the network allows, or none at all.
    #[error("the target {bits:#010x} is no target, or easier than {network} allows")]
    Limit {
        /// The compact target found.
        bits: u32,
        /// The network.
        network: Network,
    },
    /// Its target is not the one that follows from the headers before.
    #[error("the target at height {height} has to be {expected}, not {found:#010x}")]
    Bits {
        /// The header's height.
        height: u32,
        /// What it may be.
        expected: String,
        /// The compact target found.
        found: u32,
    },
    /// It is not later than the median of the eleven before it.
    #[error("the time at height {height} has to be after {median}, the median of those before, not {found}")]
    Time {
        /// The header's height.
        height: u32,
        /// That median, in seconds since 1970.
        median: u32,
        /// The time found.
        found: u32,
    },
    /// It opens a period of testnet4 too long before its parent.
    #[error("the time at height {height} is more than {TIMEWARP_S} s before its parent's")]
    Timewarp {
        /// The header's height.
        height: u32,
    },
    /// It is said to be the network's first header and is another.
    #[error("the first header of {network} is {}, not {}", shown(&network.genesis_hash()), shown(found))]
    Genesis {
        /// The network.
        network: Network,
        /// The hash of the header given.
        found: [u8; 32],
    },
    /// Heights end here.
    #[error("there is no height above 4,294,967,295")]
    Height,
}

/// The headers that one to come is judged by, as far back as they are known.
pub trait Before {
    /// The header at a height of the branch that the new one continues, if it is known.
    fn at(&self, height: u32) -> Option<&Header>;
}

/// What the target of a header may be.
enum Allowed {
    Exactly(CompactTarget),
    /// Between two targets, both included: what it was a period ago is not known.
    Between(Target, Target),
}

/// Refuses a header whose hash does not show the work that it claims, or that claims less than the network wants.
pub fn check_work(network: Network, header: &Header) -> Result<(), HeaderError> {
    let bits = header.bits.to_consensus();
    let target = Target::from_compact(header.bits);
    let fits = bits >> 24 <= EXPONENT_MAX && target != Target::ZERO;
    if !fits || target > network.params().max_attainable_target {
        return Err(HeaderError::Limit { bits, network });
    }
    if !target.is_met_by(header.block_hash()) {
        return Err(HeaderError::Work(header.block_hash().to_byte_array()));
    }
    Ok(())
}

/// Refuses a header that may not stand at `height` after those before it.
pub fn check(
    network: Network,
    before: &impl Before,
    height: u32,
    header: &Header,
) -> Result<(), HeaderError> {
    let Some(parent) = height.checked_sub(1).and_then(|below| before.at(below)) else {
        return Err(HeaderError::Height);
    };
    check_work(network, header)?;
    check_place(network, before, height, parent, header)
}

/// Refuses a header whose target or time does not follow from those before it.
fn check_place(
    network: Network,
    before: &impl Before,
    height: u32,
    parent: &Header,
    header: &Header,
) -> Result<(), HeaderError> {
    check_bits(&allowed(network, before, height, parent, header), height, header)?;
    if let Some(median) = median_time(before, height).filter(|median| header.time <= *median) {
        return Err(HeaderError::Time { height, median, found: header.time });
    }
    let opens = height.is_multiple_of(PERIOD);
    if network == Network::Testnet4 && opens && header.time < parent.time.saturating_sub(TIMEWARP_S) {
        return Err(HeaderError::Timewarp { height });
    }
    Ok(())
}

fn check_bits(allowed: &Allowed, height: u32, header: &Header) -> Result<(), HeaderError> {
    let found = header.bits.to_consensus();
    let expected = match allowed {
        Allowed::Exactly(bits) if *bits == header.bits => return Ok(()),
        Allowed::Exactly(bits) => format!("{:#010x}", bits.to_consensus()),
        Allowed::Between(least, most) => {
            let target = Target::from_compact(header.bits);
            // Bytes that encode a target some other way are not what any node computes.
            if (*least..=*most).contains(&target) && target.to_compact_lossy() == header.bits {
                return Ok(());
            }
            let [least, most] = [least, most].map(|target| target.to_compact_lossy().to_consensus());
            format!("between {least:#010x} and {most:#010x}")
        }
    };
    Err(HeaderError::Bits { height, expected, found })
}

fn allowed(network: Network, before: &impl Before, height: u32, parent: &Header, header: &Header) -> Allowed {
    let limit = network.params().max_attainable_target;
    match network {
        Network::Regtest => Allowed::Exactly(limit.to_compact_lossy()),
        _ if height.is_multiple_of(PERIOD) => retarget(network, before, height, parent),
        Network::Mainnet | Network::Signet => Allowed::Exactly(parent.bits),
        Network::Testnet4 if header.time > parent.time.saturating_add(LATE_S) => {
            Allowed::Exactly(limit.to_compact_lossy())
        }
        Network::Testnet4 => last_ordinary(before, height, limit),
    }
}

/// The target of a new period (`CalculateNextWorkRequired`). Testnet4 starts from the bits of the period's first block,
/// which never has the least difficulty by exception (BIP 94).
fn retarget(network: Network, before: &impl Before, height: u32, parent: &Header) -> Allowed {
    let params = network.params();
    let Some(first) = height.checked_sub(PERIOD).and_then(|first| before.at(first)) else {
        let limit = params.max_attainable_target;
        if network == Network::Testnet4 {
            return Allowed::Between(Target::from_le_bytes([0; 32]), limit);
        }
        let target = Target::from_compact(parent.bits);
        let rounded = |target: Target| Target::from_compact(target.to_compact_lossy());
        let most = target.max_transition_threshold(&params);
        return Allowed::Between(rounded(target.min_transition_threshold()), rounded(most));
    };
    let base = if network == Network::Testnet4 { first.bits } else { parent.bits };
    let took = u64::from(parent.time.saturating_sub(first.time));
    Allowed::Exactly(CompactTarget::from_next_work_required(base, took, &params))
}

/// The bits of the last testnet4 block of the period that has not the least difficulty by exception.
fn last_ordinary(before: &impl Before, height: u32, limit: Target) -> Allowed {
    let least = limit.to_compact_lossy();
    let mut below = height;
    while let Some(next) = below.checked_sub(1) {
        let Some(header) = before.at(next) else { break };
        if header.bits != least || next.is_multiple_of(PERIOD) {
            return Allowed::Exactly(header.bits);
        }
        below = next;
    }
    Allowed::Between(Target::from_le_bytes([0; 32]), limit)
}

/// The median of the times of the eleven headers below a height, or of all if the chain is shorter. `None` if not all of
/// them are known: the median of some may be later, and would refuse what every node takes.
fn median_time(before: &impl Before, height: u32) -> Option<u32> {
    let heights = height.saturating_sub(MEDIAN_OF)..height;
    let mut times: Vec<u32> =
        heights.map(|at| before.at(at).map(|header| header.time)).collect::<Option<_>>()?;
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests;
