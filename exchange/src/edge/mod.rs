//! Where the server meets the world: who may connect, how much anybody may ask, what is counted of it.

mod accept;
mod address;
mod caps;
mod charge;
mod impatient;
mod limits;
mod metrics;
mod options;
mod origin;
mod quota;
mod tls;

use crate::http::problem::Fault;
use crate::shared::Shared;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use caps::{Caps, Place};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tower_http::cors::CorsLayer;

pub(crate) use accept::{Door, Peer, serve};
pub(crate) use address::network_of;
pub(crate) use charge::{Weight, gate, message, paid, policies, standings, unreadable, verified};
pub(crate) use limits::{Left, Limits, Over, Owner};
pub(crate) use metrics::{Follows, MEDIA_TYPE, Metrics};
pub use options::{EdgeOptions, TlsFiles};
pub use origin::{Origin, OriginError};
pub(crate) use quota::Policy;
pub use quota::{Quota, QuotaError, RateLimits};
pub use tls::TlsError;

/// The guards that handlers share.
#[derive(Debug)]
pub(crate) struct Edge {
    pub limits: Limits,
    pub metrics: Arc<Metrics>,
    /// How long the body of a request may take.
    pub body_time: Duration,
    /// How many requests are worked on at once.
    pub requests_max: usize,
    trusted_proxies: Vec<IpNet>,
    origins: Vec<Origin>,
    connections: Arc<Caps>,
    sockets: Arc<Caps>,
}

impl Edge {
    pub fn new(options: &EdgeOptions) -> Self {
        Self {
            limits: Limits::new(options.rate_limits),
            metrics: Arc::new(Metrics::new()),
            body_time: options.header_time,
            requests_max: options.requests_max,
            trusted_proxies: options.trusted_proxies.clone(),
            origins: options.origins.clone(),
            connections: Caps::new(options.connections_max, options.connections_per_address_max),
            sockets: Caps::new(options.connections_max, options.sockets_per_address_max),
        }
    }

    /// What guards the traders' listener.
    ///
    /// # Errors
    /// Certificate and key are of no use.
    pub fn door(&self, options: &EdgeOptions, write_time: Duration) -> Result<Door, TlsError> {
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        Ok(Door {
            tls,
            caps: Arc::clone(&self.connections),
            trusted_proxies: self.trusted_proxies.clone(),
            header_time: options.header_time,
            write_time,
            metrics: Arc::clone(&self.metrics),
        })
    }

    /// What guards a listener of the operator, who is on the same machine or behind a firewall.
    pub fn back_door(&self, options: &EdgeOptions, write_time: Duration) -> Door {
        Door {
            tls: None,
            caps: Caps::new(options.connections_max, options.connections_max),
            trusted_proxies: Vec::new(),
            header_time: options.header_time,
            write_time,
            metrics: Arc::clone(&self.metrics),
        }
    }

    /// What browsers are told about pages of other origins.
    pub fn cors(&self) -> CorsLayer {
        origin::cors(self.origins.clone())
    }

    /// Draws from a bucket.
    ///
    /// # Errors
    /// There is too little in it.
    fn draw(&self, policy: Policy, owner: Owner, weight: u64) -> Result<Left, Over> {
        self.limits.draw(policy, owner, weight).inspect_err(|_| self.metrics.rate_limited(policy.name()))
    }

    /// How many connections and WebSockets the traders' listener has.
    pub fn open(&self) -> (usize, usize) {
        (self.connections.in_all(), self.sockets.in_all())
    }
}

/// Who asks, as far as the connection tells, and what was drawn for it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub address: IpAddr,
    drawn: Arc<Mutex<Vec<Left>>>,
}

impl Client {
    fn new(edge: &Edge, request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let address = address::client_address(peer, request.headers(), &edge.trusted_proxies);
        Self { address, drawn: Arc::default() }
    }

    /// The owner of buckets that it is without a login.
    pub fn owner(&self) -> Owner {
        Owner::Address(address::network_of(self.address))
    }

    /// Remembers how a bucket stands that was drawn from, for the headers of the answer.
    fn note(&self, left: Left) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|other| other.policy != left.policy);
        drawn.push(left);
    }

    fn drawn(&self) -> Vec<Left> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Lets in whoever opens a WebSocket, as long as the page may and there is a place, which is taken until it closes.
pub(crate) async fn let_in(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().cloned();
    match enter(&shared.edge, &request) {
        Ok(place) => {
            let response = next.run(request).await;
            // Whatever else it was, it needs no place.
            if let (StatusCode::SWITCHING_PROTOCOLS, Some((peer, place))) =
                (response.status(), peer.zip(place))
            {
                peer.becomes_socket(place);
            }
            response
        }
        Err(fault) => fault.into_response(),
    }
}

fn enter(edge: &Edge, request: &Request) -> Result<Option<Place>, Fault> {
    origin::check(&edge.origins, request.headers())?;
    let extensions = request.extensions();
    let Some(client) = extensions.get::<Client>() else { return Ok(None) };
    edge.sockets.enter(Some(client.address)).map(Some).map_err(|full| {
        edge.metrics.connection_refused("socket");
        Fault::too_many_connections(full == caps::Full::OfAddress)
    })
}

/// Counts requests and times answers.
pub(crate) async fn measure(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let page = charge::page(&request).unwrap_or("other").to_owned();
    let method = charge::method(request.method());
    let response = next.run(request).await;
    shared.edge.metrics.request(method, &page, response.status().as_u16(), begun.elapsed());
    response
}

/// All metrics as text.
pub(crate) fn metrics_text(shared: &Shared) -> String {
    let (connections, sockets) = shared.edge.open();
    let (seq, projected) = (shared.view().seq, *shared.checkpoint.borrow());
    let bitcoin = shared.bitcoin_node.borrow().health.name();
    shared.edge.metrics.text(metrics::Standing {
        connections,
        sockets,
        queue: shared.queue.max_capacity().saturating_sub(shared.queue.capacity()),
        seq,
        projections_lag: seq.saturating_sub(projected),
        bitcoin,
    })
}
