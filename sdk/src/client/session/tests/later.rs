//! What is refused for a reason that passes, and asked for again.

use super::*;

/// A problem that passes.
fn passing(code: &str, retry_after_ms: Option<u64>) -> Problem {
    Problem { retryable: true, retry_after_ms, ..problem(code, "rejected") }
}

/// A session with a follower of `topic` who was told up to 6, on a new socket that has logged in again.
fn reconnected(topic: &Topic) -> (Session, mpsc::Receiver<Arc<Push>>) {
    let mut session = connected(1);
    let _answer = log_in(&mut session);
    grant_login(&mut session);
    let (mut pushes, _granted) = subscribe(&mut session, topic.clone(), 16);
    let asked = asked_from(&mut session);
    grant(&mut session, asked[0].1);
    push(&mut session, topic, PushKind::Snapshot, 0, 6);
    assert_eq!(seqs(&mut pushes), [6]);
    session.disconnect();
    session.connect(&hello(2)).unwrap();
    (session, pushes)
}

#[test]
fn a_refusal_that_passes_does_not_cost_the_place() {
    for topic in [Topic::from(DEALS), Topic::of(BOOK, "BWT-BTC"), Topic::of(Channel::Trades, "BWT-BTC")] {
        let (mut session, mut pushes) = reconnected(&topic);
        let mut asked = sent(&mut session);
        if topic.channel.is_private() {
            grant(&mut session, asked[0].2);
            asked = sent(&mut session);
        }
        let (method, params, req_id) = asked.last().unwrap();
        assert_eq!((method.as_str(), &params["resume_from"]), ("subscribe", &json!(6)));
        refuse(&mut session, *req_id, &passing("rate_limited", Some(250)));
        assert_eq!(session.take_wait(), Some(Duration::from_millis(250)));
        assert_eq!(
            (session.take_wait(), session.next_text()),
            (None, None),
            "it waits so long, and says so once"
        );
        session.tend();
        assert_eq!(methods(&mut session), ["ping"], "not before");
        // Refused again, without saying for how long, and then granted where it was.
        session.ask_again();
        let asked = asked_from(&mut session);
        assert_eq!(asked[0].0, json!(6));
        refuse(&mut session, asked[0].1, &passing("overloaded", None));
        assert_eq!(session.take_wait(), Some(LATER));
        session.ask_again();
        resumes_from(&mut session, 6);
        push(&mut session, &topic, PushKind::Update, 6, 8);
        assert_eq!(seqs(&mut pushes), [8]);
        session.ask_again();
        assert_eq!(session.next_text(), None, "nothing waits any more");
    }
}

#[test]
fn what_waits_is_forgotten_with_its_followers_and_its_socket() {
    let topic = Topic::of(Channel::Trades, "BWT-BTC");
    let put_off = || {
        let (mut session, pushes) = reconnected(&topic);
        let asked = asked_from(&mut session);
        refuse(&mut session, asked[0].1, &passing("rate_limited", Some(250)));
        (session, pushes)
    };
    let (mut session, pushes) = put_off();
    drop(pushes);
    session.tend();
    sent(&mut session);
    session.ask_again();
    assert_eq!(session.next_text(), None);
    let (mut session, _pushes) = put_off();
    session.disconnect();
    assert_eq!(session.take_wait(), None);
    session.connect(&hello(3)).unwrap();
    resumes_from(&mut session, 6);
    session.ask_again();
    assert_eq!(session.next_text(), None);
    // Somebody else joins meanwhile: that asks, and nothing is left to ask for later.
    let (mut session, _pushes) = put_off();
    let (_other, _granted) = subscribe(&mut session, topic.clone(), 16);
    assert_eq!(asked_from(&mut session).len(), 1);
    session.ask_again();
    assert_eq!(session.next_text(), None);
}

#[test]
fn records_that_are_refused_for_good_end_and_are_not_passed_over() {
    let topic = Topic::of(Channel::Trades, "BWT-BTC");
    let (mut session, mut pushes) = reconnected(&topic);
    let asked = asked_from(&mut session);
    refuse(&mut session, asked[0].1, &problem("bad_request", "rejected"));
    assert_eq!(asked_from(&mut session), []);
    assert!(matches!(pushes.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
}

#[test]
fn a_login_that_has_to_wait_does_not_cost_the_place() {
    let check = |refusals: &dyn Fn(&mut Session, u64)| {
        let (mut session, mut pushes) = reconnected(&Topic::from(DEALS));
        let asked = sent(&mut session);
        assert_eq!((asked.len(), asked[0].0.as_str()), (1, "login"));
        refusals(&mut session, asked[0].2);
        grant_login(&mut session);
        resumes_from(&mut session, 6);
        push(&mut session, &Topic::from(DEALS), PushKind::Update, 6, 8);
        assert_eq!(seqs(&mut pushes), [8]);
    };
    let later = |session: &mut Session, ms| {
        assert_eq!(session.take_wait(), Some(Duration::from_millis(ms)));
        assert_eq!(session.next_text(), None, "the channel waits for the login");
        session.ask_again();
    };
    check(&|session, login| {
        refuse(session, login, &passing("rate_limited", Some(100)));
        later(session, 100);
    });
    // So does the question for something to sign.
    check(&|session, login| {
        refuse(session, login, &passing("rate_limited", Some(100)));
        later(session, 100);
        let asked = sent(session);
        assert_eq!(asked[0].0, "challenge");
        refuse(session, asked[0].2, &passing("rate_limited", Some(300)));
        later(session, 300);
    });
    // What the greeting gave to sign has had its time.
    check(&|session, login| refuse(session, login, &problem("login_failed", "rejected")));
}

#[test]
fn a_login_that_fails_again_and_again_is_refused() {
    let (mut session, mut pushes) = reconnected(&Topic::from(DEALS));
    let mut logins = 0;
    let subscription = loop {
        let asked = sent(&mut session);
        match asked[0].0.as_str() {
            "challenge" => challenge(&mut session, asked[0].2, 5),
            "login" => {
                logins += 1;
                refuse(&mut session, asked[0].2, &problem("login_failed", "rejected"));
            }
            _ => break asked[0].2,
        }
    };
    assert_eq!(logins, 3);
    refuse(&mut session, subscription, &problem("not_logged_in", "rejected"));
    assert!(matches!(pushes.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
}

#[test]
fn of_two_logins_under_way_the_last_counts() {
    let mut session = connected(1);
    let (mut first, mut second) = (log_in(&mut session), log_in(&mut session));
    let asked = sent(&mut session);
    assert_eq!(asked.iter().map(|(method, ..)| method.as_str()).collect::<Vec<_>>(), ["challenge"; 2]);
    challenge(&mut session, asked[0].2, 5);
    let stale = sent(&mut session);
    challenge(&mut session, asked[1].2, 6);
    let fresh = sent(&mut session);
    refuse(&mut session, stale[0].2, &problem("login_failed", "rejected"));
    assert_eq!(first.try_recv(), Err(TryRecvError::Empty));
    grant(&mut session, fresh[0].2);
    assert_eq!((first.try_recv(), second.try_recv()), (Ok(Ok(())), Ok(Ok(()))));
}
