//! The HTTP API, under NAAS' paths.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use jobcrypt::SecretKey;
use riverqueue::{Client, InsertOpts, jiff::Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::{
    access::{Access, Caller, Role},
    audit::{Audit, Event},
    breaker::Breaker,
    command::SendCommand,
    credentials::{Credentials, Vault},
    status,
};

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) access: Arc<Access>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) client: Client,
    pub(crate) vault: Vault,
}

/// Why a request is not answered. It says nothing of what was sent.
#[derive(Debug)]
pub(crate) struct Refusal(StatusCode, &'static str);

impl Refusal {
    pub(crate) const UNAUTHORIZED: Self = Self(StatusCode::UNAUTHORIZED, "who are you?");
    pub(crate) const FORBIDDEN: Self = Self(StatusCode::FORBIDDEN, "you may not do that");
    pub(crate) const NOT_FOUND: Self = Self(StatusCode::NOT_FOUND, "there is no such thing");
    pub(crate) const FAILED: Self = Self(StatusCode::INTERNAL_SERVER_ERROR, "it failed");
    const MALFORMED: Self = Self(
        StatusCode::UNPROCESSABLE_ENTITY,
        "the body is not what it has to be",
    );
    const LOCKED_OUT: Self = Self(StatusCode::LOCKED, "the device is locked out");
    const NO_CREDENTIALS: Self = Self(
        StatusCode::UNPROCESSABLE_ENTITY,
        "with an API key, the body has the device's username and password",
    );
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, json!({"error": self.1}).to_string()).into_response()
    }
}

pub(crate) fn routes(api: Api) -> Router {
    Router::new()
        .route("/healthcheck", get(|| async { "ok" }))
        .route("/v2/send_command", post(submit))
        .route("/v2/send_command/{id}", get(show).delete(cancel))
        .route("/v2/api-keys", post(create_key))
        .route("/v2/api-keys/{id}", delete(revoke_key))
        .with_state(api)
}

#[derive(Deserialize)]
struct Submission {
    host: String,
    #[serde(default = "ssh")]
    port: u16,
    platform: String,
    commands: Vec<String>,
    #[serde(default = "default_context")]
    context: String,
    /// Seconds from now.
    #[serde(default)]
    delay: u32,
    username: Option<String>,
    password: Option<String>,
    enable: Option<String>,
}

fn ssh() -> u16 {
    22
}

fn default_context() -> String {
    "default".to_owned()
}

impl Submission {
    /// Takes out what is for the device.
    fn credentials(&mut self, caller: &mut Caller) -> Result<Credentials, Refusal> {
        let given = match (self.username.take(), self.password.take()) {
            (Some(username), Some(password)) => Some(Credentials {
                username,
                password,
                enable: None,
            }),
            (_, mut password) => {
                password.zeroize();
                caller.credentials.take()
            }
        };
        let mut credentials = given.ok_or(Refusal::NO_CREDENTIALS)?;
        credentials.enable = self.enable.take();
        Ok(credentials)
    }
}

async fn submit(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, String), Refusal> {
    let mut caller = api.access.authenticate(authorization(&headers))?;
    api.access
        .must_be(&caller, Role::Operator, "/v2/send_command")?;
    let mut submission: Submission = parse(&body)?;
    api.access.must_reach(&caller, &submission.context)?;
    if api.breaker.is_locked_out(&submission.host) {
        return Err(Refusal::LOCKED_OUT);
    }
    let credentials = submission.credentials(&mut caller)?;
    let stored = api.vault.store(credentials).map_err(|_| Refusal::FAILED)?;
    let command = SendCommand {
        host: submission.host,
        port: submission.port,
        platform: submission.platform,
        commands: submission.commands,
        request_id: request_id()?,
        user_hash: api.access.user_hash(&caller),
        credentials: stored,
    };
    api.audit.emit(&Event::JobSubmitted {
        host: &command.host,
        platform: &command.platform,
        port: command.port,
        command_count: command.commands.len(),
        user_hash: &command.user_hash,
        request_id: &command.request_id,
    });
    let request_id = command.request_id.clone();
    let mut options = InsertOpts::default().with_max_attempts(1);
    if submission.delay > 0 {
        let delay = std::time::Duration::from_secs(submission.delay.into());
        options = options.with_scheduled_at(Timestamp::now() + delay);
    }
    let inserted = api.client.insert(command).opts(options).await;
    let inserted = inserted.map_err(|_| Refusal::FAILED)?;
    let answer = json!({"job_id": inserted.job.id(), "request_id": request_id});
    Ok((StatusCode::ACCEPTED, answer.to_string()))
}

async fn show(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<i64>,
) -> Result<String, Refusal> {
    let caller = api.access.authenticate(authorization(&headers))?;
    api.access
        .must_be(&caller, Role::Viewer, "/v2/send_command/{id}")?;
    let job = api.client.jobs().get(id).await;
    let job = job.map_err(|_| Refusal::NOT_FOUND)?;
    Ok(status::of(&job, &api.vault)?.to_string())
}

async fn cancel(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<i64>,
) -> Result<String, Refusal> {
    let caller = api.access.authenticate(authorization(&headers))?;
    api.access
        .must_be(&caller, Role::Operator, "/v2/send_command/{id}")?;
    let job = api.client.jobs().cancel(id).await;
    let job = job.map_err(|_| Refusal::NOT_FOUND)?;
    let args: Value = serde_json::from_str(job.encoded_args.get()).map_err(|_| Refusal::FAILED)?;
    api.audit.emit(&Event::JobCancelled {
        request_id: args["request_id"].as_str().unwrap_or_default(),
        cancelled_by_hash: &api.access.user_hash(&caller),
    });
    Ok(status::of(&job, &api.vault)?.to_string())
}

#[derive(Deserialize)]
struct NewKey {
    role: Role,
    contexts: Vec<String>,
}

async fn create_key(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, String), Refusal> {
    let caller = api.access.authenticate(authorization(&headers))?;
    api.access.must_be(&caller, Role::Admin, "/v2/api-keys")?;
    let NewKey { role, contexts } = parse(&body)?;
    let (id, token) = api.access.create_key(&caller, role, contexts)?;
    let answer = json!({"key_id": id, "token": &**token});
    Ok((StatusCode::CREATED, answer.to_string()))
}

async fn revoke_key(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let caller = api.access.authenticate(authorization(&headers))?;
    api.access
        .must_be(&caller, Role::Admin, "/v2/api-keys/{id}")?;
    api.access.revoke_key(&caller, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()
}

/// Reads a body. Serde's own words, which quote what was sent, are left out.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::MALFORMED)
}

fn request_id() -> Result<String, Refusal> {
    let random = SecretKey::generate().map_err(|_| Refusal::FAILED)?;
    let id = base64_simd::URL_SAFE_NO_PAD.encode_to_string(&random.expose()[..12]);
    Ok(format!("r-{id}"))
}
