//! Scripts that a payee may name, and their addresses.

use crate::Network;
use crate::NetworkRules;
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Script, ScriptBuf};

/// A text is no address that can be paid to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no Bitcoin address: a wrong letter, a wrong checksum, something else altogether.
    #[error("this is no Bitcoin address: {0}")]
    Malformed(String),
    /// It is an address of another network.
    #[error("this address is not one of {0}")]
    OtherNetwork(Network),
    /// It is an address of a kind this exchange does not pay to, as of a witness version still to come.
    #[error("this kind of address cannot be paid to here; use P2PKH, P2SH, P2WPKH, P2WSH or P2TR")]
    Kind,
}

/// Whether a script is exactly one of the standard kinds P2PKH, P2SH, P2WPKH, P2WSH and P2TR: at most 34 bytes.
///
/// Only the form is judged. That somebody can spend from it is the matter of whoever names it.
pub fn is_payable(script: &[u8]) -> bool {
    let script = Script::from_bytes(script);
    script.is_p2pkh() || script.is_p2sh() || script.is_p2wpkh() || script.is_p2wsh() || script.is_p2tr()
}

/// The address of a script of a payable kind.
pub fn address(network: Network, script: &[u8]) -> Option<String> {
    if !is_payable(script) {
        return None;
    }
    Address::from_script(Script::from_bytes(script), network.params()).ok().map(|address| address.to_string())
}

/// The script that an address stands for.
///
/// # Errors
/// The text is no address, one of another network, or of a kind that [`is_payable`] refuses. The test networks
/// share their addresses but for regtest, so one of signet passes for testnet4 too.
pub fn script_of(network: Network, address: &str) -> Result<Vec<u8>, AddressError> {
    let unchecked: Address<NetworkUnchecked> = address
        .parse()
        .map_err(|error: bitcoin::address::ParseError| AddressError::Malformed(error.to_string()))?;
    let checked =
        unchecked.require_network(network.bitcoin()).map_err(|_| AddressError::OtherNetwork(network))?;
    let script = checked.script_pubkey().into_bytes();
    if is_payable(&script) { Ok(script) } else { Err(AddressError::Kind) }
}

/// The least that an output with this script may hold to be relayed, in satoshi: three satoshi for each byte that it
/// and its spending cost (`GetDustThreshold` of Bitcoin Core's policy/policy.cpp at its default dust relay fee).
pub fn dust_satoshi(script: &[u8]) -> u64 {
    ScriptBuf::from_bytes(script.to_vec()).minimal_non_dust().to_sat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: Network = Network::Mainnet;
    const TEST: Network = Network::Testnet4;

    #[test]
    fn addresses_and_scripts_go_both_ways() {
        // From BIP 173, BIP 350 and BIP 341; the P2PKH is that of the first transaction's receiver, the P2SH of BIP 16.
        let check = |network: Network, text: &str, script: &str, dust: u64| {
            let script = hex::decode(script).unwrap();
            assert_eq!(script_of(network, text), Ok(script.clone()), "{text}");
            assert_eq!(address(network, &script).as_deref(), Some(text.to_owned().as_str()), "{text}");
            assert!(is_payable(&script), "{text}");
            assert_eq!(dust_satoshi(&script), dust, "{text}");
        };
        let p2pkh = "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac";
        check(MAIN, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", p2pkh, 546);
        let p2sh = "a914748284390f9e263a4b766a75d0633c50426eb87587";
        check(MAIN, "3CK4fEwbMP7heJarmU4eqA3sMbVJyEnU3V", p2sh, 540);
        let p2wpkh = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
        check(MAIN, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", p2wpkh, 294);
        check(TEST, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", p2wpkh, 294);
        let p2wsh = "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262";
        check(TEST, "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", p2wsh, 330);
        let p2tr = "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        check(MAIN, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", p2tr, 330);
    }

    #[test]
    fn other_addresses_are_refused() {
        let check = |network, text: &str, refused: fn(&AddressError) -> bool| {
            let error = script_of(network, text).expect_err(text);
            assert!(refused(&error), "{text}: {error}");
        };
        let malformed = |error: &AddressError| matches!(error, AddressError::Malformed(_));
        check(MAIN, "", malformed);
        check(MAIN, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", malformed);
        check(MAIN, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", malformed);
        let other = |error: &AddressError| matches!(error, AddressError::OtherNetwork(_));
        check(MAIN, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", other);
        check(Network::Regtest, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", other);
        check(Network::Regtest, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", other);
        // Witness version 16, from BIP 350.
        check(MAIN, "BC1SW50QGDZ25J", |error| *error == AddressError::Kind);
    }

    #[test]
    fn only_the_five_kinds_are_payable() {
        let check = |script: &str| {
            let script = hex::decode(script).unwrap();
            assert!(!is_payable(&script), "{script:x?}");
            assert_eq!(address(MAIN, &script), None);
        };
        check("");
        check("6a0401020304");
        // A bare key, one byte more, one byte less, a version still to come.
        check("210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798ac");
        check("0014751e76e8199196d454941c45d1b3a323f1433bd600");
        check("0014751e76e8199196d454941c45d1b3a323f1433b");
        check("522079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    }
}
