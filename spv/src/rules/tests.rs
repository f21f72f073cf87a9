//! The rules against headers of mainnet, and against constructed ones where nobody could mine them.

use super::*;
use crate::NetworkRules;
use bitcoin::consensus::encode::deserialize_hex;
use std::collections::BTreeMap;

impl Before for BTreeMap<u32, Header> {
    fn at(&self, height: u32) -> Option<&Header> {
        self.get(&height)
    }
}

/// Headers of mainnet: the first and the last of a period, and the first of the next, by the height of the last.
const RETARGETS: [(u32, [&str; 3]); 4] = [
    (
        556_415,
        [
            "00004020d3b2d7d61ad2d95ffbd556d9e00f07877423600a8da015000000000000000000d192743a2c190a7421f92fefe92505579d7b8eda568cacee13b25751ac704c669d83195cf41e371721bae3e7",
            "00000020bc7d388bea14dab9caa937b909caecd6ece36e3c6589200000000000000000007c0900cf1a9b40411141859b98bf95fb9d414f49044e08acff21fa54506022a4e6492a5cf41e3717d2864679",
            "00000020120b3264562d49df59c400a0f276448db2a9aa4bf6f4080000000000000000005cb4b52150fe7dec217b74db424e442ef8b24105c244ebaeb59f638db9c48ef3c94f2a5ca5183217b412a530",
        ],
    ),
    (
        558_431,
        [
            "00000020120b3264562d49df59c400a0f276448db2a9aa4bf6f4080000000000000000005cb4b52150fe7dec217b74db424e442ef8b24105c244ebaeb59f638db9c48ef3c94f2a5ca5183217b412a530",
            "0000402022c9973a4f6c0623105f2a5d0dc349773848a4f02de60f000000000000000000e88eabc4c6398c80cea87f6d1d662c6640de4719f7949ae85afe75746dd04abbabef3b5ca5183217f6d45f41",
            "00c0ff2f6550b5dae76559589e3e3e135237072b6bc498949da6280000000000000000005988783435f506d2ccfbadb484e56d6f1d5dfdd480650acae1e3b43d3464ea73caf13b5c33d62f171d508fdb",
        ],
    ),
    (
        560_447,
        [
            "00c0ff2f6550b5dae76559589e3e3e135237072b6bc498949da6280000000000000000005988783435f506d2ccfbadb484e56d6f1d5dfdd480650acae1e3b43d3464ea73caf13b5c33d62f171d508fdb",
            "00000020d8e8e54ca5e33522b94fbba5de736efc55ff75e832cf2300000000000000000007b395f80858ee022c9c3c2f0f5cee4bd807039f0729b0559ae4326c3ba77d6b209f4e5c33d62f1746ee356d",
            "000000206b05bd2c4a06b3d8503a033c2593396a25a79e1dcadb140000000000000000001b08df3d42cd9a38d8b66adf9dc5eb464f503633bd861085ffff723634531596a1a24e5c35683017bf67b72a",
        ],
    ),
    (
        564_479,
        [
            "00000020ae55d7640b738e1c16091cc73666526e7fa12af66c0419000000000000000000f7825fe0714275fe54521f66e898cf743ed43dd93f185cb628df995823e4ee2d7d58605c886f2e176d085a4c",
            "00000020b4fe0ef78ee4d02206011ba597b45ef84ef1029ad8650300000000000000000034fdbe970f5d00d2e37de72755077c7039976baa5417ddfd358013d8ea9cb8d374c5725c886f2e1795d4ee3a",
            "000000200cd536b3eb1cd9c028e081f1455006276b293467c3e5170000000000000000007bc1b27489db01c85d38a4bc6d2280611e9804f506d83ad00d2a33ebd663992f76c7725c505b2e174fb90f55",
        ],
    ),
];

fn header(hex: &str) -> Header {
    deserialize_hex(hex).expect("a header")
}

/// A header at these bits and this time, as if it had been mined.
fn at(bits: u32, time: u32) -> Header {
    let mut header = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin).header;
    (header.bits, header.time) = (CompactTarget::from_consensus(bits), time);
    header
}

#[test]
fn mainnet_changes_its_difficulty_as_it_did() {
    for (last_height, [first, last, next]) in RETARGETS {
        let [first, last, next] = [first, last, next].map(header);
        let height = last_height + 1;
        let before = BTreeMap::from([(height - PERIOD, first), (last_height, last)]);
        assert_eq!(check(Network::Mainnet, &before, height, &next), Ok(()), "{height}");
        // Kept, it would not do: neither by the first block's time nor a block later.
        let kept = Header { bits: last.bits, ..next };
        assert!(matches!(
            check_place(Network::Mainnet, &before, height, &last, &kept),
            Err(HeaderError::Bits { .. })
        ));
        let later = BTreeMap::from([(last_height, last), (last_height + 1, next)]);
        let changed = Header { bits: last.bits, time: next.time + 1, ..next };
        assert!(check_place(Network::Mainnet, &later, height + 1, &next, &changed).is_err());
        let stays = Header { bits: next.bits, ..changed };
        assert_eq!(check_place(Network::Mainnet, &later, height + 1, &next, &stays), Ok(()));
        // Without the period's first header only the factor of four binds.
        let before = BTreeMap::from([(last_height, last)]);
        assert_eq!(check(Network::Mainnet, &before, height, &next), Ok(()), "{height}");
    }
}

#[test]
fn without_the_first_header_a_factor_of_four_binds() {
    let parent = at(0x1b04_0000, 1000);
    let before = BTreeMap::from([(2015, parent)]);
    let check = |bits: u32, fits: bool| {
        let found = check_place(Network::Mainnet, &before, 2016, &parent, &at(bits, 1001));
        assert_eq!(found.is_ok(), fits, "{bits:#x}: {found:?}");
    };
    check(0x1b04_0000, true);
    check(0x1b10_0000, true);
    check(0x1b10_0001, false);
    check(0x1b01_0000, true);
    check(0x1b00_ffff, false);
    // The same target in other bytes, and no target.
    check(0x1c00_0400, false);
    check(0x1b84_0000, false);
}

#[test]
fn testnet4_makes_exceptions() {
    const LIMIT: u32 = 0x1d00_ffff;
    const REAL: u32 = 0x1c01_0000;
    // Twenty minutes are not late yet. The exception does not outlast its block.
    let chain = |bits: &[u32]| -> BTreeMap<u32, Header> {
        (4032_u32..).zip(bits).map(|(height, bits)| (height, at(*bits, height * 600))).collect()
    };
    let check = |before: &BTreeMap<u32, Header>, waited: u32, bits: u32, fits: bool| {
        let (height, parent) = before.last_key_value().expect("a parent");
        let found =
            check_place(Network::Testnet4, before, height + 1, parent, &at(bits, parent.time + waited));
        assert_eq!(found.is_ok(), fits, "{bits:#x} after {waited} s on {height}: {found:?}");
    };
    let plain = chain(&[REAL, REAL]);
    check(&plain, 600, REAL, true);
    check(&plain, 1200, REAL, true);
    check(&plain, 1200, LIMIT, false);
    check(&plain, 1201, LIMIT, true);
    check(&plain, 1201, REAL, false);
    let excepted = chain(&[REAL, REAL, LIMIT, LIMIT]);
    check(&excepted, 600, REAL, true);
    check(&excepted, 600, LIMIT, false);
    check(&excepted, 1201, LIMIT, true);
    // The walk back ends at the period's first block.
    let easy = chain(&[LIMIT, LIMIT, LIMIT]);
    check(&easy, 600, LIMIT, true);
    check(&easy, 600, REAL, false);
    // It ends before at one without the exception, so the period's first block need not be known.
    let cut: BTreeMap<_, _> = excepted.into_iter().skip(1).collect();
    check(&cut, 600, REAL, true);
    check(&cut, 600, LIMIT, false);
    // Where the walk leaves what is known, anything within the limit does.
    let unknown = BTreeMap::from([(4100, at(LIMIT, 9000))]);
    check(&unknown, 600, REAL, true);
    check(&unknown, 600, LIMIT, true);
    check(&unknown, 600, 0x1d01_0000, false);
}

#[test]
fn testnet4_starts_a_period_from_the_bits_of_its_first_block() {
    const LIMIT: u32 = 0x1d00_ffff;
    let first = at(0x1c01_0000, 1_000_000);
    let parent = at(LIMIT, 1_000_000 + 1_209_600);
    let before = BTreeMap::from([(2016, first), (4031, parent)]);
    let check = |network: Network, time: u32, bits: u32| {
        check_place(network, &before, 4032, &parent, &at(bits, time)).map_err(|error| error.to_string())
    };
    assert_eq!(check(Network::Testnet4, parent.time + 1, 0x1c01_0000), Ok(()));
    assert!(check(Network::Testnet4, parent.time + 1, LIMIT).is_err());
    // Late or not: no exception here.
    assert!(check(Network::Testnet4, parent.time + 5000, LIMIT).is_err());
    // Signet and mainnet go on from the last block's.
    assert_eq!(check(Network::Mainnet, parent.time + 1, LIMIT), Ok(()));
    // The last known before it are an hour older, so only the special rule speaks.
    let mut before = before;
    before.extend((4020..4031).map(|height| (height, at(0x1c01_0000, parent.time - 3600))));
    let check = |network: Network, time: u32, bits: u32| {
        check_place(network, &before, 4032, &parent, &at(bits, time))
    };
    assert_eq!(check(Network::Testnet4, parent.time - 600, 0x1c01_0000), Ok(()));
    let early = check(Network::Testnet4, parent.time - 601, 0x1c01_0000);
    assert_eq!(early, Err(HeaderError::Timewarp { height: 4032 }));
    assert_eq!(check(Network::Mainnet, parent.time - 601, LIMIT), Ok(()));
}

#[test]
fn the_time_is_after_the_median_of_eleven() {
    const BITS: u32 = 0x1c01_0000;
    let times = [90, 10, 50, 30, 20, 70, 60, 40, 80, 100, 110, 5];
    let before: BTreeMap<u32, Header> =
        (0_u32..).zip(times).map(|(height, time)| (height, at(BITS, time))).collect();
    let check = |before: &BTreeMap<u32, Header>, height: u32, time: u32| {
        let parent = before.get(&(height - 1)).expect("a parent");
        check_place(Network::Mainnet, before, height, parent, &at(BITS, time))
    };
    // The last eleven of twelve, sorted: 5 10 20 30 40 50 60 70 80 100 110.
    assert_eq!(check(&before, 12, 51), Ok(()));
    assert_eq!(check(&before, 12, 50), Err(HeaderError::Time { height: 12, median: 50, found: 50 }));
    // Two there are: the later one counts. One: that one.
    assert_eq!(check(&before, 2, 91), Ok(()));
    assert!(check(&before, 2, 90).is_err());
    assert!(check(&before, 1, 90).is_err());
    // One of the eleven is not known, so nothing is said.
    let cut: BTreeMap<_, _> = before.into_iter().skip(2).collect();
    assert_eq!(check(&cut, 12, 1), Ok(()));
}

#[test]
fn a_header_shows_the_work_it_claims() {
    let real = header(RETARGETS[0].1[2]);
    assert_eq!(check_work(Network::Mainnet, &real), Ok(()));
    let unworked = Header { nonce: real.nonce + 1, ..real };
    assert!(matches!(check_work(Network::Mainnet, &unworked), Err(HeaderError::Work(_))));
    for bits in [0x207f_ffff, 0x1d01_0000, 0, 0x1b84_0000, 0xff01_0000, 0x2100_ffff, 0x0100_0000] {
        let found = check_work(Network::Mainnet, &at(bits, 1));
        assert_eq!(found, Err(HeaderError::Limit { bits, network: Network::Mainnet }), "{bits:#x}");
    }
    for network in Network::ALL {
        let genesis = bitcoin::constants::genesis_block(network.bitcoin()).header;
        assert_eq!(check_work(network, &genesis), Ok(()), "{network}");
    }
}
