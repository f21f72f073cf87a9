//! scratch
fn main() {
    let from: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let count: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let mut stats = bandex_simulator::Stats::default();
    let start = std::time::Instant::now();
    let mut kinds = std::collections::BTreeMap::new();
    if std::env::var("LOUD").is_err() { std::panic::set_hook(Box::new(|_| {})); }
    for seed in from..from + count {
        match bandex_simulator::run(&bandex_simulator::Story::from_seed(seed)) {
            Ok(one) => stats.add(&one),
            Err(failure) => {
                let n = kinds.entry(failure.invariant).or_insert(0);
                *n += 1;
                if *n <= 3 { println!("seed {seed}: {failure}"); }
            }
        }
    }
    println!("{kinds:?}");
    println!("{} runs/s", count as f64 / start.elapsed().as_secs_f64());
    for (name, value) in stats.figures() { println!("{name}: {value}"); }
}
