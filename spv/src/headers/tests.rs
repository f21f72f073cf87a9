//! Header chains against a naive model that keeps every header and looks through all of them.

use super::*;
use crate::NetworkRules;
use crate::regtest::mine;
use proptest::prelude::*;

fn regtest() -> Headers {
    Headers::begin(Network::Regtest, 0, Network::Regtest.genesis_header()).expect("the first header")
}

/// A header on `parent`. Those that differ in nothing else differ in `tag`.
fn on(parent: &[u8; 80], tag: u16) -> [u8; 80] {
    let mut root = [0; 32];
    root[..2].copy_from_slice(&tag.to_le_bytes());
    mine(hash_of(parent), root, read(parent).time + 1)
}

/// So many headers, each on the one before.
fn chain(parent: &[u8; 80], tag: u16, count: usize) -> Vec<[u8; 80]> {
    std::iter::successors(Some(on(parent, tag)), |last| Some(on(last, tag))).take(count).collect()
}

fn hashes(blocks: &[BlockAt]) -> Vec<[u8; 32]> {
    blocks.iter().map(|block| block.hash).collect()
}

fn hashes_of(headers: &[[u8; 80]]) -> Vec<[u8; 32]> {
    headers.iter().map(hash_of).collect()
}

#[test]
fn it_begins_where_it_is_told_and_only_there() {
    let headers = regtest();
    assert_eq!(headers.tip(), (0, Network::Regtest.genesis_hash()));
    assert_eq!((headers.begins_at(), headers.network()), (0, Network::Regtest));
    let genesis = Network::Regtest.genesis_header();
    assert!(matches!(Headers::begin(Network::Mainnet, 0, genesis), Err(HeaderError::Genesis { .. })));
    assert!(matches!(Headers::begin(Network::Mainnet, 2016, genesis), Err(HeaderError::Limit { .. })));
    let other = on(&genesis, 1);
    assert!(matches!(Headers::begin(Network::Regtest, 0, other), Err(HeaderError::Genesis { .. })));
    let late = Headers::begin(Network::Regtest, 500, other).expect("any header at any other height");
    assert_eq!(late.tip(), (500, hash_of(&other)));
    assert_eq!((late.height_of(&Network::Regtest.genesis_hash()), late.hash_at(499)), (None, None));
    let last = Headers::begin(Network::Regtest, u32::MAX, other).expect("the last height there is");
    assert_eq!(last.clone().extend(&[on(&other, 1)]), Err(HeaderError::Height));
}

#[test]
fn more_work_wins_and_the_first_seen_a_tie() {
    let genesis = Network::Regtest.genesis_header();
    let (left, right) = (chain(&genesis, 1, 3), chain(&genesis, 2, 5));
    let mut headers = regtest();
    let extended = headers.extend(&left).expect("a chain");
    assert_eq!((hashes(&extended.connected), extended.disconnected), (hashes_of(&left), vec![]));
    assert_eq!(headers.extend(&left), Ok(Extended::default()), "what is known changes nothing");
    assert_eq!(headers.would_lead(&right[..3]), Ok(false));
    assert_eq!(headers.extend(&right[..3]), Ok(Extended::default()), "a tie changes nothing");
    assert_eq!(headers.tip(), (3, hash_of(&left[2])));
    assert_eq!((headers.height_of(&hash_of(&right[2])), headers.contains(&hash_of(&right[2]))), (None, true));
    assert_eq!(headers.fork_height(&hash_of(&right[2])), Some(0));
    assert_eq!(headers.would_lead(&right[2..4]), Ok(true));
    // Known ones may stand before the new.
    let extended = headers.extend(&right[1..5]).expect("more work");
    assert_eq!(hashes(&extended.connected), hashes_of(&right));
    assert_eq!(extended.connected[0].height, 1);
    let down: Vec<_> = left.iter().rev().map(hash_of).collect();
    assert_eq!(hashes(&extended.disconnected), down);
    assert_eq!(headers.tip(), (5, hash_of(&right[4])));
    assert_eq!(headers.header_at(4), Some(right[3]));
    assert_eq!(headers.time_of(&hash_of(&left[0])), Some(read(&left[0]).time));
    assert_eq!(headers.merkle_root(&hash_of(&right[0])).map(|root| root[0]), Some(2));
    // And back again, from what was kept.
    let more = chain(&left[2], 1, 3);
    let extended = headers.extend(&more).expect("more work again");
    assert_eq!((extended.connected.len(), extended.disconnected.len()), (6, 5));
}

#[test]
fn headers_are_taken_all_or_none() {
    let genesis = Network::Regtest.genesis_header();
    let chain = chain(&genesis, 1, 4);
    let before = regtest();
    let check = |given: &[[u8; 80]], refused: &dyn Fn(&HeaderError) -> bool| {
        let mut headers = before.clone();
        let error = headers.extend(given).expect_err("refused");
        assert!(refused(&error), "{error}");
        assert_eq!(headers, before);
        assert_eq!(headers.would_lead(given), Err(error));
    };
    check(
        &chain[1..],
        &|error| matches!(error, HeaderError::Unknown { at: 0, parent } if *parent == hash_of(&chain[0])),
    );
    check(&[chain[0], chain[2]], &|error| *error == HeaderError::Unlinked { at: 1 });
    check(&[chain[1], chain[0]], &|error| matches!(error, HeaderError::Unknown { at: 0, .. }));
    let mut unworked = chain[2];
    while read(&unworked).target().is_met_by(read(&unworked).block_hash()) {
        unworked[76] = unworked[76].wrapping_add(1);
    }
    check(&[chain[0], chain[1], unworked], &|error| *error == HeaderError::Work(hash_of(&unworked)));
    let stale = mine(hash_of(&chain[0]), [9; 32], read(&genesis).time);
    check(&[chain[0], stale], &|error| matches!(error, HeaderError::Time { height: 2, .. }));
    let mut easier = chain[0];
    easier[72..76].copy_from_slice(&0x207f_fffe_u32.to_le_bytes());
    while !read(&easier).target().is_met_by(read(&easier).block_hash()) {
        easier[76] = easier[76].wrapping_add(1);
    }
    check(&[easier], &|error| matches!(error, HeaderError::Bits { height: 1, .. }));
    assert_eq!(before.clone().extend(&[]), Ok(Extended::default()));
}

#[test]
fn deep_branches_are_dropped_and_refused() {
    let genesis = Network::Regtest.genesis_header();
    let max = usize::try_from(REORGANISATION_MAX).unwrap();
    let main = chain(&genesis, 1, max + 20);
    let (low, high) = (chain(&main[4], 2, 3), chain(&main[14], 3, 3));
    let mut headers = regtest();
    headers.extend(&main[..max]).expect("a chain");
    headers.extend(&low).expect("a branch at height 5");
    headers.extend(&high).expect("a branch at height 15");
    headers.extend(&main[max..max + 5]).expect("up to where the lower one may just stay");
    assert!(headers.contains(&hash_of(&low[2])));
    assert_eq!(headers.would_lead(&chain(&low[2], 2, 1)), Ok(false));
    headers.extend(&main[max + 5..max + 6]).expect("one more");
    assert!(low.iter().all(|header| !headers.contains(&hash_of(header))));
    assert!(high.iter().all(|header| headers.contains(&hash_of(header))));
    let refused = headers.extend(&low).expect_err("too deep");
    assert_eq!(refused, HeaderError::TooDeep { at: 0, depth: REORGANISATION_MAX + 1 });
    headers.extend(&main[max + 6..]).expect("the rest");
    assert!(headers.side.is_empty());
}

#[test]
fn a_snapshot_is_checked_when_it_is_read() {
    let genesis = Network::Regtest.genesis_header();
    let (left, right) = (chain(&genesis, 1, 3), chain(&genesis, 2, 2));
    let mut headers = regtest();
    headers.extend(&left).expect("a chain");
    headers.extend(&right).expect("a branch");
    let bytes = borsh::to_vec(&headers).unwrap();
    assert_eq!(borsh::from_slice::<Headers>(&bytes).unwrap(), headers);
    // A side branch with more work than the active one, in other order, twice, or active.
    let forged = |active: &[[u8; 80]], side: &[[u8; 80]]| {
        let active: Vec<_> = std::iter::once(&genesis).chain(active).copied().collect();
        borsh::to_vec(&(Network::Regtest, 0_u32, active, side.to_vec())).unwrap()
    };
    assert_eq!(forged(&left, &right), bytes);
    let longer = chain(&genesis, 2, 4);
    for (active, side) in [
        (&left[..], &longer[..]),
        (&left[..], &[right[1], right[0]][..]),
        (&left[..], &[right[0], right[0]][..]),
        (&left[..], &left[..1]),
        (&left[1..], &[][..]),
    ] {
        assert!(borsh::from_slice::<Headers>(&forged(active, side)).is_err());
    }
    let nothing = borsh::to_vec(&(Network::Regtest, 0_u32, Vec::<[u8; 80]>::new(), Vec::<[u8; 80]>::new()));
    assert!(borsh::from_slice::<Headers>(&nothing.unwrap()).is_err());
}

/// Every header in the order it came, with its parent's place and its height.
#[derive(Default)]
struct Model(Vec<([u8; 80], usize, u32)>);

impl Model {
    /// The first of those with the greatest height: all have the same work.
    fn tip(&self) -> usize {
        let best = self.0.iter().map(|(.., height)| *height).max().expect("one header");
        self.0.iter().position(|(.., height)| *height == best).expect("it is there")
    }

    fn active(&self) -> Vec<[u8; 32]> {
        let mut at = self.tip();
        let mut hashes = vec![hash_of(&self.0[at].0)];
        while at != 0 {
            at = self.0[at].1;
            hashes.push(hash_of(&self.0[at].0));
        }
        hashes.reverse();
        hashes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn random_trees_are_as_the_model_says(steps in proptest::collection::vec((any::<prop::sample::Index>(), 1_usize..4), 1..40)) {
        let mut headers = regtest();
        let mut model = Model(vec![(Network::Regtest.genesis_header(), 0, 0)]);
        let mut active = model.active();
        for (tag, (parent, count)) in (1_u16..).zip(&steps) {
            let mut parent = parent.index(model.0.len());
            let new = chain(&model.0[parent].0, tag, *count);
            for header in &new {
                model.0.push((*header, parent, model.0[parent].2 + 1));
                parent = model.0.len() - 1;
            }
            let leads = headers.would_lead(&new);
            let extended = headers.extend(&new).expect("valid headers");
            prop_assert_eq!(leads, Ok(!extended.connected.is_empty()));
            // What it says it did leads from what was active to what is.
            for block in &extended.disconnected {
                prop_assert_eq!(active.pop(), Some(block.hash));
                prop_assert_eq!(active.len(), usize::try_from(block.height).unwrap());
            }
            for block in &extended.connected {
                prop_assert_eq!(active.len(), usize::try_from(block.height).unwrap());
                active.push(block.hash);
            }
            prop_assert_eq!(&active, &model.active());
            prop_assert_eq!(headers.tip().1, *active.last().unwrap());
            for (header, ..) in &model.0 {
                let hash = hash_of(header);
                let height = active.iter().position(|at| *at == hash).map(|at| u32::try_from(at).unwrap());
                prop_assert_eq!(headers.height_of(&hash), height);
                prop_assert!(headers.contains(&hash));
            }
        }
        let bytes = borsh::to_vec(&headers).unwrap();
        prop_assert_eq!(borsh::from_slice::<Headers>(&bytes).unwrap(), headers);
    }

    #[test]
    fn damaged_snapshots_are_refused_or_whole(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let genesis = Network::Regtest.genesis_header();
        let mut headers = regtest();
        headers.extend(&chain(&genesis, 1, 3)).expect("a chain");
        headers.extend(&chain(&genesis, 2, 2)).expect("a branch");
        let mut bytes = borsh::to_vec(&headers).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(read) = borsh::from_slice::<Headers>(&bytes) {
            prop_assert_eq!(borsh::to_vec(&read).unwrap(), bytes);
        }
    }
}
