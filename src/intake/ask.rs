//! The door for those who wait: a NATS service, one endpoint a command type.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Request, Service, ServiceExt};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use events::malformed::MalformedCode;
use events::request::{Address, Via};
use events::{CommandType, Malformed};
use futures_util::StreamExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Answer, Document, Intake};
use crate::describe;
use crate::writer::Unavailable;

/// Commands of one type under way at once. More are told `overloaded`.
const AT_ONCE_MAX: usize = 8_192;

/// Tokens of the subject of a command: prefix, `command`, account, type.
const TOKENS: usize = 4;

/// Header of a reply that carries the sequence.
pub const SEQUENCE: &str = "Seatledger-Sequence";

/// Starts the service; it ends when `stop` is cancelled.
pub async fn serve(
    client: Client,
    prefix: &str,
    intake: Intake,
    stop: CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), async_nats::Error> {
    let service = client
        .service_builder()
        .description("seatledger: commands of the license ledger, answered once they are durable")
        .start("seatledger", env!("CARGO_PKG_VERSION"))
        .await?;
    for kind in CommandType::ALL {
        let endpoint = service
            .endpoint_builder()
            .name(kind.as_str())
            .metadata(metadata(*kind))
            .add(format!("{prefix}.command.*.{kind}"))
            .await?;
        let task = answer_all(endpoint, *kind, intake.clone(), stop.clone(), tasks.clone());
        tasks.spawn(task);
    }
    // Anything else under the subject is a mistake that deserves an answer.
    let strays = client.queue_subscribe(format!("{prefix}.command.>"), "strays".into()).await?;
    tasks.spawn(answer_strays(client, strays, stop.clone()));
    tasks.spawn(keep(service, stop));
    Ok(())
}

/// Holds the service until the stop, then takes it out of discovery.
async fn keep(service: Service, stop: CancellationToken) {
    stop.cancelled().await;
    if let Err(error) = service.stop().await {
        tracing::debug!(%error, "the service is not taken out of discovery");
    }
}

fn metadata(kind: CommandType) -> HashMap<String, String> {
    HashMap::from([
        ("schema".to_owned(), describe::schema(kind).to_string()),
        ("example".to_owned(), describe::example(kind).to_string()),
        ("idempotent".to_owned(), "by the member id or the header Nats-Msg-Id".to_owned()),
        ("doc".to_owned(), format!("/openapi.json#/components/schemas/{kind}")),
    ])
}

async fn answer_all(
    mut endpoint: Endpoint,
    kind: CommandType,
    intake: Intake,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
    while let Some(Some(request)) = stop.run_until_cancelled(endpoint.next()).await {
        let intake = intake.clone();
        let place = places.clone().try_acquire_owned();
        tasks.spawn(async move {
            match place {
                Ok(_place) => answer_one(request, kind, &intake).await,
                Err(_) => {
                    let (address, document) = (address(&request, kind), &request.message.payload);
                    let answer = super::unjudged(&Unavailable::Overloaded, &address, document);
                    respond(request, &answer).await;
                }
            }
        });
    }
    let _ = endpoint.stop().await;
}

async fn answer_one(request: Request, kind: CommandType, intake: &Intake) {
    let answer = intake.send(&address(&request, kind), &request.message.payload).await;
    respond(request, &answer).await;
}

fn address(request: &Request, kind: CommandType) -> Address<'_> {
    let message = &request.message;
    Address {
        account: message.subject.split('.').rev().nth(1).unwrap_or_default(),
        kind: kind.as_str(),
        key: key(message.headers.as_ref()),
        via: Via::Nats,
    }
}

async fn respond(request: Request, answer: &Answer) {
    let (headers, body) = (headers(answer), Bytes::from(answer.to_json()));
    if let Err(error) = request.respond_with_headers(Ok(body), headers).await {
        tracing::debug!(%error, "an answer was not sent");
    }
}

/// The idempotency key beside the body.
pub(super) fn key(headers: Option<&HeaderMap>) -> Option<&str> {
    Some(headers?.get("Nats-Msg-Id")?.as_str())
}

/// What a reply says beside its body: the sequence, or the error the way NATS services say it.
pub(super) fn headers(answer: &Answer) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(sequence) = answer.sequence {
        headers.insert(SEQUENCE, sequence.to_string().as_str());
    }
    match &answer.document {
        Document::Accepted(_) => headers.insert("Content-Type", "application/json"),
        Document::Problem(problem) => {
            headers.insert("Content-Type", "application/problem+json");
            headers.insert("Nats-Service-Error", problem.code.as_str());
            headers.insert("Nats-Service-Error-Code", problem.status.to_string().as_str());
        }
    }
    headers
}

/// Answers what no endpoint takes: an unknown command type, or a subject of another shape.
async fn answer_strays(
    client: Client,
    mut strays: async_nats::Subscriber,
    stop: CancellationToken,
) {
    while let Some(Some(message)) = stop.run_until_cancelled(strays.next()).await {
        let tokens: Vec<&str> = message.subject.split('.').collect();
        let kind = tokens.last().copied().unwrap_or_default();
        let known = kind.parse::<CommandType>();
        let (Some(reply), true) = (message.reply.clone(), known.is_err() || tokens.len() != TOKENS)
        else {
            continue;
        };
        let malformed = stray(&message.subject, known.err(), tokens.len());
        let address = Address {
            account: if let [_, _, account, _] = tokens[..] { account } else { "" },
            kind,
            key: key(message.headers.as_ref()),
            via: Via::Nats,
        };
        let answer = super::malformed::answer(&malformed, &address, &message.payload);
        let body = Bytes::from(answer.to_json());
        if let Err(error) = client.publish_with_headers(reply, headers(&answer), body).await {
            tracing::debug!(%error, "an answer was not sent");
        }
    }
}

/// What is wrong with a subject that no endpoint takes.
fn stray(subject: &str, unknown: Option<Malformed>, tokens: usize) -> Malformed {
    let malformed = unknown.unwrap_or_else(|| {
        Malformed::whole(MalformedCode::InvalidAccount, format!("{subject} names no account"))
    });
    match tokens {
        TOKENS => malformed,
        _ => malformed.hint(format!(
            "the subject has {tokens} tokens, it must have {TOKENS}: {}.command.<account>.<Type>",
            subject.split('.').next().unwrap_or_default()
        )),
    }
}
