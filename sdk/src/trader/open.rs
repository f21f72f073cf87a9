//! How a trader begins: from its store, from the exchange's word, or with a new account.

use super::line::Line;
use super::{LaneError, Trader, TraderError};
use crate::lane::{Comparison, Entry, LaneState, LaneStore, StoreError};
use crate::wire::parse;
use crate::{Client, Markets, Rest, RestError, SignError, Signer, UNREGISTERED, clock};
use bandex_api::LaneQuery;
use bandex_tradechain::{Block, Body, Head, Keypair};
use bandex_types::{AccountId, PublicKey};

/// A lane at the exchange.
struct Theirs {
    account: AccountId,
    head: Head,
}

async fn ask(rest: &Rest, key: PublicKey) -> Result<Option<Theirs>, TraderError> {
    let query = LaneQuery { limit: Some(1), ..LaneQuery::default() };
    match rest.lane(key, &query).await {
        Ok(lane) => {
            let read = || -> Result<_, crate::WireError> {
                let head = Head { seq: lane.head_seq, id: parse("head_id", &lane.head_id)? };
                Ok(Theirs { account: parse("account", &lane.account)?, head })
            };
            Ok(Some(read().map_err(RestError::from)?))
        }
        Err(error) if error.code() == Some("unknown_key") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn stored(store: &mut dyn LaneStore, key: PublicKey) -> Result<Option<LaneState>, TraderError> {
    match LaneState::from_entries(&store.read()?)? {
        Some(state) if state.key != key => Err(StoreError::OtherKey(state.key).into()),
        state => Ok(state),
    }
}

/// Brings a stored lane into line with the exchange's.
fn align(state: &mut LaneState, theirs: Option<&Theirs>) -> Result<(), LaneError> {
    // A key the exchange has not heard of: its lane begins with the register block that is pending.
    let head = theirs.map_or(UNREGISTERED, |theirs| theirs.head);
    match state.compare(head) {
        Comparison::Fits => {
            state.confirm(head.seq);
            Ok(())
        }
        Comparison::Ahead => Err(LaneError::Ahead),
        Comparison::Differs => Err(LaneError::Forked),
        Comparison::Forgot => Err(LaneError::Forgot),
    }
}

/// The account that a pending register block makes.
fn registering(state: &LaneState) -> Option<AccountId> {
    let first = state.pending.front()?;
    let block = Block::decode(&first.signed.payload).ok()?;
    matches!(block.body, Body::Register(_)).then(|| first.id.into())
}

fn begin(store: &mut dyn LaneStore, key: PublicKey, head: Head) -> Result<LaneState, StoreError> {
    store.append(&Entry::Start { key, head })?;
    Ok(LaneState::new(key, head))
}

impl Trader {
    /// Takes up a lane where it was left.
    ///
    /// An empty store adopts the head of the lane at the exchange: nothing signed with this key may be under way
    /// then. A store with blocks must fit the exchange's lane; what is pending is sent again, and answered, before
    /// this returns.
    ///
    /// # Errors
    /// The exchange does not know the key, the store is not this lane's, or the two do not fit: then signing on
    /// could fork the lane.
    pub async fn open(
        client: &Client,
        rest: &Rest,
        keypair: Keypair,
        mut store: impl LaneStore + 'static,
    ) -> Result<Self, TraderError> {
        let key = keypair.public();
        let theirs = ask(rest, key).await?;
        let state = match (stored(&mut store, key)?, &theirs) {
            (None, None) => return Err(TraderError::UnknownKey(key)),
            (None, Some(theirs)) => begin(&mut store, key, theirs.head)?,
            (Some(mut state), theirs) => {
                align(&mut state, theirs.as_ref())?;
                state
            }
        };
        let account = theirs.map(|theirs| theirs.account).or_else(|| registering(&state));
        let account = account.ok_or(TraderError::UnknownKey(key))?;
        let signer = Signer::new(keypair, client.network(), state.head);
        let line = Line::new(client.clone(), signer, state, Box::new(store));
        line.resume().await?;
        Ok(Self { line, account })
    }

    /// Makes an account whose root key is `keypair`, or opens the lane if the account is there already. The proof of
    /// work takes about 2^bits hashes on a thread of its own.
    ///
    /// # Errors
    /// As [`Trader::open`], or the registration was refused.
    pub async fn register(
        client: &Client,
        rest: &Rest,
        markets: &Markets,
        keypair: Keypair,
        mut store: impl LaneStore + 'static,
    ) -> Result<Self, TraderError> {
        let key = keypair.public();
        // Begun before, by this store or another: go on from there.
        if stored(&mut store, key)?.is_some_and(|state| state.head != UNREGISTERED)
            || ask(rest, key).await?.is_some()
        {
            return Self::open(client, rest, keypair, store).await;
        }
        let (home, bits) = (markets.node, markets.register_work_bits);
        let mut signer = Signer::new(keypair, client.network(), UNREGISTERED);
        let search = tokio::task::spawn_blocking(move || {
            let before = signer.head();
            let block = signer.register(clock::now(), home, bits);
            signer.rewind(before);
            block.map(|block| (signer, block))
        });
        let (signer, block) = search.await.map_err(|_| TraderError::GivenUp)??;
        let state = match stored(&mut store, key)? {
            Some(state) => state,
            None => begin(&mut store, key, UNREGISTERED)?,
        };
        let (line, account) = (Line::new(client.clone(), signer, state, Box::new(store)), block.id.into());
        let room = line.room().await?;
        let made = |signer: &mut Signer| -> Result<_, SignError> {
            signer.rewind(Head { seq: block.seq, id: block.id });
            Ok(block)
        };
        let (_, reply) = line.start(room, made)?;
        reply.await.unwrap_or(Err(LaneError::Closed.into()))?;
        Ok(Self { line, account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place};
    use bandex_types::BlockId;

    fn pending(count: u64) -> LaneState {
        let mut signer = Signer::new(keypair(1), NETWORK, ORIGIN);
        let mut state = LaneState::new(signer.key(), ORIGIN);
        for lots in 1..=count {
            let own = signer.orders(NOW, vec![place(lots)]).unwrap();
            let block = Block::decode(&own.signed.payload).unwrap();
            state.push(own, &block);
        }
        state
    }

    #[test]
    fn a_store_goes_on_only_where_it_fits_the_exchange() {
        let check = |head: Head, expected: Result<usize, LaneError>| {
            let mut state = pending(3);
            let theirs = Theirs { account: AccountId::new([5; 32]), head };
            assert_eq!(align(&mut state, Some(&theirs)).map(|()| state.pending.len()), expected);
        };
        let ids: Vec<BlockId> = pending(3).pending.iter().map(|block| block.id).collect();
        check(ORIGIN, Ok(3));
        check(Head { seq: 2, id: ids[1] }, Ok(1));
        check(Head { seq: 3, id: ids[2] }, Ok(0));
        check(Head { seq: 2, id: ids[0] }, Err(LaneError::Forked));
        check(Head { seq: 4, id: ids[0] }, Err(LaneError::Ahead));
        assert_eq!(align(&mut pending(3), None), Err(LaneError::Forked), "a lane that the exchange lost");
    }

    #[test]
    fn a_registration_cut_short_goes_on() {
        let mut signer = Signer::new(keypair(1), NETWORK, UNREGISTERED);
        let own = signer.register(NOW, keypair(9).public(), 4).unwrap();
        let mut state = LaneState::new(signer.key(), UNREGISTERED);
        let block = Block::decode(&own.signed.payload).unwrap();
        state.push(own.clone(), &block);
        assert_eq!(align(&mut state, None), Ok(()));
        assert_eq!(registering(&state), Some(own.id.into()));
        assert_eq!(registering(&pending(1)), None);
    }
}
