//! What is said on a connection, without the connection: texts in, texts out.
//!
//! It outlives sockets. Submissions go out in the order they were asked for, at most a window of them unanswered; when
//! a socket is lost, everything unanswered goes out again on the next, in the same order and byte for byte.

use super::ClientError;
use super::follow::{Followed, Sink, Verdict};
use super::subscription::Mark;
use super::topic::{Nature, Topic};
use crate::rest::signed_login;
use crate::wire::{parse, signed_to_wire};
use bandex_api::{BlockReply, Challenge, Hello, Notice, Problem, Push, Reply, Request};
use bandex_tradechain::{Keypair, Login, SignedBlock};
use bandex_types::{Hash, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::sync::oneshot;

type Answer<T> = oneshot::Sender<Result<T, Box<Problem>>>;

/// What users of the connection ask for.
#[derive(Debug)]
pub(super) enum Ask {
    Submit {
        signed: SignedBlock,
        reply: Answer<BlockReply>,
    },
    Login {
        keypair: Keypair,
        reply: Answer<()>,
    },
    Subscribe {
        topic: Topic,
        sink: Sink,
        reply: Answer<()>,
    },
    /// A follower wants a new snapshot.
    Refresh {
        topic: Topic,
        mark: Mark,
    },
    /// A follower that lost pushes, or held them up, can take them now, or has gone.
    Room,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub network: u32,
    pub key: PublicKey,
}

/// Requests other than submissions that wait for their reply.
#[derive(Debug)]
enum Call {
    /// For a nonce to log in with.
    Challenge,
    Login,
    /// To a topic, resumed from a seq or begun with a snapshot.
    Subscribe(Topic, Option<u64>),
    Other,
}

#[derive(Debug)]
struct Submission {
    signed: SignedBlock,
    reply: Answer<BlockReply>,
}

#[derive(Debug)]
pub(super) struct Session {
    node: Node,
    window: usize,
    receipts: bool,
    connected: bool,
    last_req_id: u64,
    /// To be sent, in order.
    waiting: VecDeque<Submission>,
    /// Sent on this socket and not answered, by request number and so in order.
    sent: BTreeMap<u64, Submission>,
    calls: BTreeMap<u64, Call>,
    nonce: Hash,
    keypair: Option<Keypair>,
    /// A login was asked for and not answered: private channels wait for it.
    login_underway: bool,
    login_askers: Vec<Answer<()>>,
    /// How often the exchange took what a login signed for old since the connection, or the user's asking, began.
    stale_logins: u32,
    /// Whom the last login was for: what was seen of private channels is of this account.
    account: Option<String>,
    topics: BTreeMap<Topic, Followed>,
    /// Who waits to hear that a topic was granted.
    askers: Vec<(Topic, Answer<()>)>,
    later: Later,
    /// Whether a follower must read before the socket is read on.
    held_up: bool,
    outbox: VecDeque<String>,
}

/// What was refused for a reason that passes, to be asked for again on this socket.
#[derive(Debug, Default)]
struct Later {
    topics: BTreeSet<Topic>,
    login: bool,
    /// How long to wait before it, if that was not told yet.
    wait: Option<Duration>,
}

#[derive(Serialize)]
struct Submit {
    #[serde(flatten)]
    signed: bandex_api::SignedBlock,
    receipt: bool,
}

/// The fields that tell the kinds of messages apart.
#[derive(Deserialize)]
struct Kind {
    req_id: Option<u64>,
    channel: Option<String>,
}

/// What the node calls its word before it closes a connection.
const NOTICE: &str = "notice";
/// The code of a subscription that cannot go on from a record, because the journal does not reach it.
const BEYOND_HEAD: &str = "beyond_head";
/// The code of a login whose nonce had its time, among other reasons.
const LOGIN_FAILED: &str = "login_failed";
/// How many logins in a row may be too late before one counts as refused.
const STALE_LOGINS_MAX: u32 = 2;
/// The wait after a passing refusal that names none, and the longest.
const LATER: Duration = Duration::from_secs(1);
const LATER_MAX: Duration = Duration::from_secs(60);

impl Later {
    fn put_off(&mut self, problem: &Problem) {
        let asked = problem.retry_after_ms.map_or(LATER, Duration::from_millis).min(LATER_MAX);
        self.wait = self.wait.max(Some(asked));
    }
}

impl Node {
    pub fn from_hello(hello: &Hello, expected: Option<PublicKey>) -> Result<Self, ClientError> {
        let found = parse("node", &hello.node)?;
        match expected {
            Some(expected) if expected != found => Err(ClientError::OtherNode { expected, found }),
            _ => Ok(Self { network: hello.network, key: found }),
        }
    }
}

impl Session {
    pub fn new(node: Node, window: usize, receipts: bool) -> Self {
        Self {
            node,
            window,
            receipts,
            connected: false,
            last_req_id: 0,
            waiting: VecDeque::new(),
            sent: BTreeMap::new(),
            calls: BTreeMap::new(),
            nonce: Hash::ZERO,
            keypair: None,
            login_underway: false,
            login_askers: Vec::new(),
            stale_logins: 0,
            account: None,
            topics: BTreeMap::new(),
            askers: Vec::new(),
            later: Later::default(),
            held_up: false,
            outbox: VecDeque::new(),
        }
    }

    /// A socket was opened and greeted with `hello`.
    pub fn connect(&mut self, hello: &Hello) -> Result<(), ClientError> {
        let node = Node::from_hello(hello, Some(self.node.key))?;
        if node.network != self.node.network {
            return Err(ClientError::OtherNetwork { expected: self.node.network, found: node.network });
        }
        let nonce = parse("nonce", &hello.nonce)?;
        // From here the socket is as good as the one before.
        (self.connected, self.nonce, self.stale_logins) = (true, nonce, 0);
        self.log_in();
        self.subscribe_all(false);
        Ok(())
    }

    /// The socket is lost, and with it every reply that had not come.
    pub fn disconnect(&mut self) {
        (self.connected, self.login_underway) = (false, false);
        self.outbox.clear();
        self.calls.clear();
        self.later = Later::default();
        self.topics.values_mut().for_each(Followed::lose);
        for (_, submission) in std::mem::take(&mut self.sent).into_iter().rev() {
            self.waiting.push_front(submission);
        }
    }

    /// The next text to send on the socket.
    pub fn next_text(&mut self) -> Option<String> {
        if let Some(text) = self.outbox.pop_front() {
            return Some(text);
        }
        if !self.connected || self.sent.len() >= self.window {
            return None;
        }
        let submission = self.waiting.pop_front()?;
        let submit = Submit { signed: signed_to_wire(&submission.signed), receipt: self.receipts };
        let (req_id, text) = self.request("submit", &submit);
        self.sent.insert(req_id, submission);
        Some(text)
    }

    pub fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Submit { signed, reply } => self.waiting.push_back(Submission { signed, reply }),
            Ask::Login { keypair, reply } => {
                self.keypair = Some(keypair);
                self.login_askers.push(reply);
                self.stale_logins = 0;
                self.ask_to_log_in();
            }
            Ask::Room => self.look_after_topics(),
            Ask::Refresh { topic, mark } => {
                if let Some(followed) = self.topics.get_mut(&topic) {
                    followed.forget_one(&mark);
                    self.resubscribe(&topic);
                }
            }
            Ask::Subscribe { topic, sink, reply } => {
                self.askers.push((topic.clone(), reply));
                let followed = self.topics.contains_key(&topic);
                let new = || Followed::new(topic.nature());
                self.topics.entry(topic.clone()).or_insert_with(new).add(sink);
                match followed {
                    true => self.resubscribe(&topic),
                    false => self.subscribe(&topic),
                }
            }
        }
    }

    /// Takes a text from the socket.
    pub fn take(&mut self, text: &str) {
        let taken = serde_json::from_str::<Kind>(text).and_then(|kind| {
            match (kind.req_id, kind.channel.as_deref()) {
                (Some(_), _) => self.take_reply(serde_json::from_str(text)?),
                // The close that follows is what counts; the next connection goes on where this one stood.
                (None, Some(NOTICE)) => {
                    let notice: Notice = serde_json::from_str(text)?;
                    tracing::info!(code = notice.code, notice.detail, "the exchange is about to close");
                }
                (None, _) => self.take_push(serde_json::from_str(text)?),
            }
            Ok(())
        });
        if let Err(error) = taken {
            tracing::warn!(%error, "a message of the exchange cannot be read");
        }
    }

    /// Looks after what no message brings: a sign of life, and followers that fell behind.
    pub fn tend(&mut self) {
        if self.connected {
            self.call("ping", &serde_json::json!({}), Call::Other);
        }
        self.look_after_topics();
    }

    /// How long to wait before [`Session::ask_again`], once for every refusal that passes.
    pub const fn take_wait(&mut self) -> Option<Duration> {
        self.later.wait.take()
    }

    /// Asks once more for what was refused for a reason that should have passed.
    pub fn ask_again(&mut self) {
        let Later { topics, login, .. } = std::mem::take(&mut self.later);
        if login {
            self.ask_to_log_in();
        }
        // Meanwhile everybody may have stopped listening.
        let followed = |name: &&Topic| self.topics.contains_key(*name);
        let names: Vec<_> = topics.iter().filter(followed).cloned().collect();
        names.iter().for_each(|name| self.subscribe(name));
    }

    fn look_after_topics(&mut self) {
        let verdicts: Vec<_> =
            self.topics.iter_mut().map(|(name, topic)| (name.clone(), topic.tend())).collect();
        verdicts.into_iter().for_each(|(name, verdict)| self.heed(&name, verdict));
        self.held_up = self.topics.values().any(Followed::is_held_up);
    }

    /// Whether a follower must read before anything more may be read from the socket.
    pub const fn is_held_up(&self) -> bool {
        self.held_up
    }

    fn take_reply(&mut self, reply: Reply) {
        if let Some(submission) = self.sent.remove(&reply.req_id) {
            // Whoever asked may have stopped waiting.
            let _ = submission.reply.send(answer_of(reply));
            return;
        }
        match self.calls.remove(&reply.req_id) {
            Some(Call::Challenge) => self.challenged(reply),
            Some(Call::Login) => self.logged_in(reply),
            Some(Call::Subscribe(topic, from)) => self.subscribed(&topic, from, &refusal_of(reply)),
            Some(Call::Other) => {}
            None => tracing::warn!(req_id = reply.req_id, "a reply that nobody waits for"),
        }
    }

    fn take_push(&mut self, push: Push) {
        let name = Topic::of_push(&push);
        if let Some(followed) = self.topics.get_mut(&name) {
            let verdict = followed.take(push);
            self.held_up |= followed.is_held_up();
            self.heed(&name, verdict);
        }
    }

    fn heed(&mut self, name: &Topic, verdict: Verdict) {
        match verdict {
            Verdict::Fine => {}
            Verdict::Gap => self.resubscribe(name),
            Verdict::Unheard => {
                self.topics.remove(name);
                self.unsubscribe(name);
            }
        }
    }

    /// Asks for something fresh to sign, since the greeting's serves for some seconds only; while there is no
    /// connection, the next one logs in by its greeting.
    fn ask_to_log_in(&mut self) {
        if self.connected {
            (self.login_underway, self.later.login) = (true, false);
            self.call("challenge", &serde_json::json!({}), Call::Challenge);
        }
    }

    fn challenged(&mut self, reply: Reply) {
        if let Some(problem) = reply.error.as_ref().filter(|problem| problem.retryable) {
            return self.log_in_later(problem);
        }
        let challenge = reply.result.and_then(|result| serde_json::from_value::<Challenge>(result).ok());
        match challenge.map(|challenge| parse("nonce", &challenge.nonce)) {
            Some(Ok(nonce)) => self.nonce = nonce,
            // The greeting's may still serve; if not, the exchange says so.
            Some(Err(_)) | None => tracing::warn!("the exchange gave nothing fresh to sign for a login"),
        }
        self.log_in();
    }

    /// Asks for a login if there is a key for it.
    fn log_in(&mut self) {
        let Some(keypair) = self.keypair.clone().filter(|_| self.connected) else { return };
        self.login_underway = true;
        let Node { network, key: node } = self.node;
        let login = Login { network, node, key: keypair.public(), nonce: self.nonce };
        self.call("login", &signed_login(&login, &keypair), Call::Login);
    }

    /// Private channels wait as long.
    fn log_in_later(&mut self, problem: &Problem) {
        tracing::warn!(code = problem.code, "the login has to wait");
        self.later.put_off(problem);
        self.later.login = true;
    }

    /// Whether another login is on its way, whose answer counts for this one too.
    fn logs_in(&self) -> bool {
        self.calls.values().any(|call| matches!(call, Call::Challenge | Call::Login))
    }

    fn logged_in(&mut self, reply: Reply) {
        match reply.error.as_ref() {
            Some(_) if self.logs_in() => return,
            Some(problem) if problem.retryable => return self.log_in_later(problem),
            // The nonce had its time while it was on its way; whatever else it was shows by the next one.
            Some(problem) if problem.code == LOGIN_FAILED && self.stale_logins < STALE_LOGINS_MAX => {
                self.stale_logins = self.stale_logins.saturating_add(1);
                return self.ask_to_log_in();
            }
            Some(_) | None => {}
        }
        // From here it is decided.
        (self.login_underway, self.stale_logins) = (false, 0);
        let account = reply.result.as_ref().and_then(|result| result.get("account")).and_then(Value::as_str);
        if let Some(account) = account.map(str::to_owned) {
            let before = self.account.replace(account);
            if before.is_some() && before != self.account {
                // Another's news do not go on where these ended.
                let private = self.topics.iter_mut().filter(|(name, _)| name.channel.is_private());
                private.for_each(|(_, followed)| followed.forget());
            }
        }
        let answer = refusal_of(reply);
        if let Err(problem) = &answer {
            tracing::warn!(code = problem.code, "the login was refused");
        }
        for asker in self.login_askers.drain(..) {
            let _ = asker.send(answer.clone());
        }
        // Private channels are asked for even after a refusal, so that whoever waits for them hears of it.
        self.subscribe_all(true);
    }

    fn subscribe_all(&mut self, private: bool) {
        let names: Vec<_> =
            self.topics.keys().filter(|name| name.channel.is_private() == private).cloned().collect();
        names.iter().for_each(|name| self.subscribe(name));
    }

    /// Asks for a topic if it can be had now; otherwise it is asked for once connected and logged in.
    fn subscribe(&mut self, name: &Topic) {
        let possible = !name.channel.is_private() || !self.login_underway;
        if self.connected && possible {
            self.later.topics.remove(name);
            let from = self.topics.get_mut(name).and_then(Followed::ask);
            self.call("subscribe", &name.to_wire(from), Call::Subscribe(name.clone(), from));
        }
    }

    fn resubscribe(&mut self, name: &Topic) {
        self.unsubscribe(name);
        self.subscribe(name);
    }

    fn unsubscribe(&mut self, name: &Topic) {
        if self.connected {
            self.call("unsubscribe", &name.to_wire(None), Call::Other);
        }
    }

    /// A subscription was granted or refused. One that cannot be resumed `from` a seq begins anew; one that is refused
    /// for a reason that passes keeps its place and is asked for again.
    fn subscribed(&mut self, name: &Topic, from: Option<u64>, answer: &Result<(), Box<Problem>>) {
        let anew = |problem: &Problem| problem.code == BEYOND_HEAD || name.nature() != Nature::Records;
        match (answer, from, self.topics.get_mut(name)) {
            (Ok(()), Some(from), Some(topic)) => topic.resumed(from),
            (Err(problem), _, Some(_)) if problem.retryable => return self.subscribe_later(name, problem),
            (Err(problem), Some(from), Some(topic)) if anew(problem) => {
                let code = &problem.code;
                tracing::warn!(code, channel = ?name.channel, from, "a subscription cannot be resumed and begins anew");
                topic.forget();
                self.subscribe(name);
                return;
            }
            (Err(problem), ..) => {
                tracing::warn!(code = problem.code, channel = ?name.channel, "a subscription was refused");
                self.topics.remove(name);
            }
            (Ok(()), ..) => {}
        }
        for (_, reply) in self.askers.extract_if(.., |(topic, _)| topic == name) {
            let _ = reply.send(answer.clone());
        }
    }

    fn subscribe_later(&mut self, name: &Topic, problem: &Problem) {
        let again = |call: &Call| matches!(call, Call::Subscribe(topic, _) if topic == name);
        if self.calls.values().any(again) {
            return;
        }
        tracing::warn!(code = problem.code, channel = ?name.channel, "a subscription has to wait");
        self.later.put_off(problem);
        self.later.topics.insert(name.clone());
    }

    fn call(&mut self, method: &str, params: &impl Serialize, call: Call) {
        let (req_id, text) = self.request(method, params);
        self.calls.insert(req_id, call);
        self.outbox.push_back(text);
    }

    fn request(&mut self, method: &str, params: &impl Serialize) -> (u64, String) {
        self.last_req_id = self.last_req_id.saturating_add(1);
        let params = serde_json::to_value(params).unwrap_or_default();
        let request = Request { method: method.to_owned(), params, req_id: self.last_req_id };
        (self.last_req_id, serde_json::to_string(&request).unwrap_or_default())
    }
}

fn refusal_of(reply: Reply) -> Result<(), Box<Problem>> {
    if reply.ok { Ok(()) } else { Err(problem_of(reply.error)) }
}

fn answer_of(reply: Reply) -> Result<BlockReply, Box<Problem>> {
    if !reply.ok {
        return Err(problem_of(reply.error));
    }
    let read = serde_json::from_value(reply.result.unwrap_or_default());
    read.map_err(|error| unreadable(&error.to_string()))
}

fn problem_of(problem: Option<Problem>) -> Box<Problem> {
    problem.map_or_else(|| unreadable("the exchange refused without saying why"), Box::new)
}

/// An answer that cannot be read leaves open what became of the block.
fn unreadable(detail: &str) -> Box<Problem> {
    Box::new(Problem {
        kind: "about:blank".to_owned(),
        title: "unreadable answer".to_owned(),
        status: 502,
        detail: detail.to_owned(),
        code: "unreadable_answer".to_owned(),
        outcome: Some("unknown".to_owned()),
        retryable: true,
        retry_after_ms: None,
        block_id: None,
        op_index: None,
        details: None,
    })
}

#[cfg(test)]
mod tests;
