//! Trust in the wire's words.

use super::{freeze_reason, named_asset};
use crate::view::{TrustView, View};
use bandex_api as api;
use bandex_engine::{AccountState, BalanceState, LimitParts, TrustState};
use bandex_tradechain::StandingStatement;
use bandex_tradechain::body::{Admission, Fees, Prefer, TrustTerms};
use bandex_types::{Amount, AssetId, PublicKey, SignatureBytes, Timestamp};

/// A whole score, in parts per billion, has nine decimals.
const SCORE_DECIMALS: u8 = 9;

/// A score as a share of the whole.
pub(crate) fn score(ppb: u32) -> String {
    api::AssetScale::new(SCORE_DECIMALS).amount(Amount::new(u64::from(ppb)))
}

impl View {
    /// How amounts of an asset are written.
    pub(crate) fn scale(&self, asset: AssetId) -> api::AssetScale {
        api::AssetScale::new(self.assets.get(&asset).map_or(0, |asset| asset.decimals))
    }

    /// An amount of the unit of account, in BTC.
    pub(crate) fn btc(&self, amount: Amount) -> String {
        self.scale(AssetId::BTC).amount(amount)
    }

    fn bwt(&self, amount: Amount) -> String {
        self.scale(AssetId::BWT).amount(amount)
    }
}

fn admission(view: &View, admission: Admission) -> api::Admission {
    let (by, amount) = match admission {
        Admission::Work => ("work", None),
        Admission::Fee { amount } => ("fee", Some(view.bwt(amount))),
        Admission::Certificate => ("certificate", None),
    };
    api::Admission { by: by.to_owned(), amount }
}

pub(crate) fn trust_terms(view: &View, terms: &TrustTerms) -> api::TrustTerms {
    api::TrustTerms {
        epoch_us: terms.epoch_us,
        keep_ppm: terms.keep_ppm,
        largest_limit: view.btc(terms.largest_limit),
        loss_budget: view.btc(terms.loss_budget),
        score_ppm: terms.score_ppm,
        bond_ppm: terms.bond_ppm,
        fee_ppm: terms.fee_ppm,
        admission: admission(view, terms.admission),
        first_grant: view.bwt(terms.first_grant),
        grant_work_bits: terms.grant_work_bits,
        standing_threshold: view.scale(AssetId::BWT).balance(i128::from(terms.standing_threshold)),
    }
}

pub(crate) fn rates(view: &View) -> Vec<api::Rate> {
    let rate = |(asset, rate): (&AssetId, &bandex_types::Ratio)| api::Rate {
        asset: named_asset(view, *asset),
        num: rate.num(),
        den: rate.den(),
    };
    view.trust.rates.iter().map(rate).collect()
}

pub(crate) const fn fees(fees: Fees) -> api::Fees {
    api::Fees { maker_ppm: fees.maker_ppm, taker_ppm: fees.taker_ppm }
}

pub(crate) fn trust(view: &View) -> api::Trust {
    let TrustView { terms, seeds, registrars, epoch, .. } = &view.trust;
    api::Trust {
        seq: view.seq,
        terms: trust_terms(view, terms),
        dust: view.btc(view.parameters.dust),
        rates: rates(view),
        seeds: seeds.iter().map(ToString::to_string).collect(),
        registrars: registrars.iter().map(ToString::to_string).collect(),
        epoch: epoch.as_ref().map(|end| api::Epoch {
            epoch: end.epoch,
            checkpoint: end.checkpoint.to_string(),
            edges: end.edges,
            scored: end.scored,
        }),
    }
}

fn stake(view: &View, trust: &TrustState) -> api::Stake {
    api::Stake {
        bond: view.bwt(trust.bond),
        leaving: view.bwt(trust.leaving),
        fees: view.bwt(trust.fees),
        score: score(trust.score_ppb),
        certificate: trust.certificate.map(|given| api::Certificate {
            by: given.by.to_string(),
            expires_us: given.expires.map(Timestamp::as_micros),
        }),
        granted: trust.granted,
        seed: trust.seed,
        registrar: trust.registrar,
        largest_exposure: trust.preference.largest_exposure.map(|amount| view.btc(amount)),
        least_score: trust.preference.least_score,
    }
}

/// What is said of an account that nothing was ever told of: it came before there were stakes, and has none.
pub(crate) fn no_stake(account: &AccountState) -> TrustState {
    let none = Amount::ZERO;
    TrustState {
        account: account.account,
        bond: none,
        leaving: none,
        fees: none,
        score_ppb: 0,
        burden: none,
        admitted: true,
        certificate: None,
        granted: false,
        seed: false,
        registrar: false,
        preference: Prefer::default(),
        limit: LimitParts { dust: account.limit, total: account.limit, ..LimitParts::default() },
    }
}

/// The limit of an account, `raise` being the engine's words for what would raise it.
pub(crate) fn limits(
    view: &View,
    seq: u64,
    account: &AccountState,
    trust: &TrustState,
    raise: String,
) -> api::Limits {
    let parts = &trust.limit;
    let taken = account.reserved.checked_add(trust.burden).unwrap_or(Amount::MAX);
    api::Limits {
        seq,
        account: account.account.to_string(),
        limit: view.btc(account.limit),
        parts: api::LimitParts {
            operator: parts.operator.map(|limit| view.btc(limit)),
            bond: view.btc(parts.bond),
            reputation: view.btc(parts.reputation),
            fees: view.btc(parts.fees),
            earned: view.btc(parts.earned),
            dust: view.btc(parts.dust),
        },
        reserved: view.btc(account.reserved),
        burden: view.btc(trust.burden),
        free: view.btc(account.limit.saturating_sub(taken)),
        admitted: trust.admitted,
        frozen: account.frozen.map(|reason| freeze_reason(reason).to_owned()),
        stake: stake(view, trust),
        why: parts.to_string(),
        raise,
    }
}

/// What an account has of an asset.
pub(crate) fn balance(view: &View, state: &BalanceState) -> api::Balance {
    let credit = view.trust.person(&state.account).map_or(Amount::ZERO, |person| person.credit_line);
    let free = state.balance.saturating_sub(i128::from(state.locked.get()));
    let scale = view.scale(state.asset);
    api::Balance {
        asset: named_asset(view, state.asset),
        balance: scale.balance(state.balance),
        locked: scale.amount(state.locked),
        free: scale.balance(free.saturating_add(i128::from(credit.get()))),
        locks: Vec::new(),
    }
}

/// What the node says of an account, with its signature.
pub(crate) fn standing(
    said: &StandingStatement,
    node: &PublicKey,
    signature: &SignatureBytes,
) -> api::Standing {
    api::Standing {
        network: said.network,
        node: node.to_string(),
        account: said.account.to_string(),
        seq: said.seq,
        time_us: said.time.as_micros(),
        balance: said.balance.to_string(),
        threshold: said.threshold.to_string(),
        served: said.served,
        cure: said.cure.to_string(),
        payload: hex::encode(said.encode()),
        signature: signature.to_string(),
    }
}
