//! The task of a topic.

use super::content::{self, Begun};
use super::past;
use super::topic::Topic;
use crate::clock;
use crate::exchange::stopped;
use crate::http::problem::Fault;
use crate::publication::Publication;
use crate::shared::Shared;
use bandex_api::{Channel, Subscribe};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

/// How often a topic looks for what changes without news.
const BEAT: Duration = Duration::from_secs(1);
/// For how many of these a topic that nobody follows is kept, so that who comes back finds what it missed.
const LEFT_BEATS_MAX: u32 = 60;

/// Makes a topic and has it follow the news.
///
/// # Errors
/// It asks for something that there is not, or its store cannot be read.
pub(super) async fn start(shared: Arc<Shared>, name: Subscribe) -> Result<Arc<Topic>, Fault> {
    let Begun { content, seq, news } = content::begin(&shared, &name).await?;
    let pushes = shared.edge.metrics.pushes(name.channel);
    let topic = Arc::new(Topic::new(name, content, seq, pushes));
    tokio::spawn(run(shared, Arc::clone(&topic), news));
    Ok(topic)
}

async fn run(shared: Arc<Shared>, topic: Arc<Topic>, mut news: broadcast::Receiver<Arc<Publication>>) {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut stopping, mut left_beats) = (shared.switch.stopping(), 0);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            heard = news.recv() => match heard {
                Ok(publication) => topic.tell(|content, seq| {
                    let is_new = publication.last_seq() > seq;
                    is_new.then(|| content.take(&shared, &publication)).flatten()
                }),
                Err(RecvError::Lagged(missed)) => match begin_again(&shared, &topic).await {
                    Ok(again) => {
                        tracing::warn!(missed, topic = ?topic.name(), "a topic fell behind and began again");
                        news = again;
                    }
                    Err(fault) => {
                        tracing::error!(detail = fault.0.detail, topic = ?topic.name(), "a topic cannot go on");
                        topic.cut();
                        shared.topics.forget(topic.name());
                        return;
                    }
                },
                Err(RecvError::Closed) => return,
            },
            _ = beat.tick() => {
                if topic.name().channel == Channel::Heartbeat {
                    topic.beat(shared.view().seq, clock::now());
                }
                topic.tell(|content, _| content.look(&shared));
                left_beats = if topic.is_left() { left_beats + 1 } else { 0 };
                if left_beats > LEFT_BEATS_MAX && topic.end_if_left() {
                    shared.topics.forget(topic.name());
                    return;
                }
            }
            () = stopped(&mut stopping), if !is_stopping => {
                is_stopping = true;
                topic.tell(|content, _| content.look(&shared));
            }
        }
    }
}

/// Makes up for news that were lost.
async fn begin_again(shared: &Shared, topic: &Topic) -> Result<broadcast::Receiver<Arc<Publication>>, Fault> {
    let Begun { content, seq, news } = content::begin(shared, topic.name()).await?;
    match topic.name().channel {
        Channel::Trades | Channel::Auction => {
            let missed = past::changes(shared, topic.name(), topic.seq(), seq).await?;
            topic.go_on(content, &missed);
        }
        _ => topic.begin_again(content, seq),
    }
    Ok(news)
}
