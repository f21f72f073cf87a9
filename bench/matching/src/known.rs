//! Workloads whose result is known, by the numbers in their headers.

use crate::Tally;
use crate::workload::Workload;

/// A workload of 5,000,000 commands from seed 42 and what a correct book makes of it.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its kind.
    pub name: &'static str,
    /// Records, records before timing, highest order number, orders resting at the end.
    header: (u64, u64, u32, u64),
    /// What it comes to.
    pub tally: Tally,
}

const fn known(
    name: &'static str,
    (warm, highest_order, resting): (u64, u32, u64),
    (trades, quantity, hash, refusals): (u64, u64, u64, u64),
) -> Known {
    let header = (5_000_000 + warm, warm, highest_order, resting);
    Known { name, header, tally: Tally { trades, quantity, hash, refusals } }
}

/// The first five were made by another program; the others' results are those of the plain book.
#[rustfmt::skip]
pub const KNOWN: [Known; 9] = [
    known("n1k", (1_000, 3_002_284, 958), (1_138_670, 41_163_750, 0x1622_4c2c_60bc_da52, 17_892)),
    known("n10k", (10_000, 2_988_918, 9_700), (1_063_870, 38_148_590, 0x26b5_a8ca_a2e9_81ff, 17_853)),
    known("n1m", (1_000_000, 3_804_378, 977_163), (636_453, 23_183_140, 0x99f0_a272_2d65_f82c, 10_770)),
    known("swing", (5_000, 3_136_769, 4_715), (1_326_916, 43_459_662, 0xc576_0ba7_3546_469f, 16_203)),
    known("amend", (10_000, 2_987_716, 9_538), (1_045_678, 37_279_398, 0xc08e_c133_f156_7b64, 17_842)),
    known("symbols", (50_000, 3_021_463, 47_490), (1_081_342, 41_608_189, 0x798c_7d6e_9e87_19ed, 16_717)),
    known("crash", (20_000, 3_602_169, 18_841), (2_325_239, 98_354_997, 0x3bcb_9e6c_1acf_b3a4, 11_244)),
    known("far", (20_000, 3_566_158, 11_525), (2_278_150, 97_301_920, 0x36f6_c340_5d4b_7a0b, 11_719)),
    known("scattered", (20_000, 3_023_878, 18_901), (1_183_462, 45_606_497, 0x0ab1_7488_68bb_1c19, 16_616)),
];

/// What is known of a workload, if it is one of these by its header.
pub fn of(workload: &Workload) -> Option<Known> {
    let (records, warm) = (workload.commands.len() as u64, workload.warm as u64);
    let header = (records, warm, workload.highest_order, workload.resting);
    KNOWN.into_iter().find(|known| known.header == header)
}
