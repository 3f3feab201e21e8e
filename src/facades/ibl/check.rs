//! Whether an e-mail address has an active user license: asked with a key, or, where the operator wants
//! it so, without one and bounded; told with nothing but a status.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use events::Email;
use projections::checks;

use super::call::Ibl;
use super::failure::Failure;
use super::kind::Kind;
use super::rate::Rate;
use super::reader::Reader;
use crate::auth::{Access, Caller};
use crate::http::App;
use crate::http::query;
use crate::http::server::Client;

/// Who may ask whether an e-mail address has a user license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Check {
    /// Whoever reaches the port, as the vendor has it, of any account; who has a key, as below.
    Public,
    /// Who may call `/v1` without a key, of any account; who has a key, as below.
    Local,
    /// Who has a key, of the accounts that it reaches.
    Key,
    /// Nobody.
    Off,
}

/// Public checks a minute from one address, unless set.
const PER_ADDRESS: u32 = 10;

/// Public checks a minute from all addresses together, unless set.
const ALTOGETHER: u32 = 600;

/// How the check by e-mail address is served.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "ibl")]
pub struct Options {
    /// Who may ask whether an e-mail address has a user license, at the path of ibl.ai; unless set,
    /// `key` in `serve` and `local` in `dev`
    #[arg(long, value_enum, env = "SEATLEDGER_IBL_CHECK")]
    pub ibl_check: Option<Check>,
    /// How often an address may ask that in a minute without a key
    #[arg(long, value_name = "COUNT", default_value_t = PER_ADDRESS)]
    pub ibl_check_rate: u32,
    /// How often all addresses together may
    #[arg(long, value_name = "COUNT", default_value_t = ALTOGETHER)]
    pub ibl_check_rate_all: u32,
}

impl Options {
    /// These, and who may ask where that is not said.
    pub fn or(&self, unless_set: Check) -> Options {
        Options { ibl_check: self.ibl_check.or(Some(unless_set)), ..self.clone() }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options { ibl_check: None, ibl_check_rate: PER_ADDRESS, ibl_check_rate_all: ALTOGETHER }
    }
}

/// The check by e-mail address as it is served. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Checking {
    who: Check,
    rate: Arc<Rate>,
}

impl Checking {
    pub(crate) fn new(options: &Options) -> Checking {
        let rate = Rate::new(options.ibl_check_rate, options.ibl_check_rate_all);
        // The check without a key tells of every account, so nobody gets it unasked.
        Checking { who: options.ibl_check.unwrap_or(Check::Key), rate: Arc::new(rate) }
    }
}

/// Answers a check: 200 where there is one, 404 where there is none, and nothing else. Nothing of it
/// is to be stored, whatever it says.
pub(super) async fn ask(State(app): State<App>, request: Request) -> Response {
    let mut response = checked(&app, request).await.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn checked(app: &App, request: Request) -> Result<Response, Failure> {
    let (mut parts, _) = request.into_parts();
    let checking = app.ibl.clone();
    let account = match checking.who {
        Check::Public | Check::Local if is_open(app, checking.who, &parts) => {
            let address = client(&parts).map(|it| it.address());
            checking.rate.allow(address).map_err(Failure::too_many)?;
            None
        }
        Check::Public | Check::Local | Check::Key => {
            let caller = Caller::<Ibl>::from_request_parts(&mut parts, app).await?;
            caller.may(Access::Read)?;
            caller.only().cloned()
        }
        Check::Off => {
            let said = "whether an address has a license is not told here";
            return Err(Failure::new(403, "permission_denied", said));
        }
    };
    let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let mut query = Reader::of_pairs(pairs.map(|(a, b)| (a.into_owned(), b.into_owned())));
    let email = query.text("email");
    let email = query.needed("email", email).unwrap_or_default();
    query.done()?;
    let wrong = |_| Failure::of_field("email", "it must be an e-mail address");
    let email = Email::new(&email).map_err(wrong)?;
    let view = app.views.checks.clone();
    view.reach_soon(app.intake.writer().sequence()).await;
    let now = app.clock.now();
    let asked = query::ask_slowly(&view, move |db| {
        let account = account.as_ref().map(|it| it.as_str());
        let wanted = |product: &str| Kind::User.is_of(product);
        checks::anywhere(db, account, email.as_str(), wanted, now)
    });
    let (found, _) = asked.await?;
    let status = if found { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok(status.into_response())
}

/// Whether this one is told without a key. A good key bounds and tells more by itself.
fn is_open(app: &App, who: Check, parts: &Parts) -> bool {
    let may = match who {
        Check::Public => true,
        Check::Local => app.auth.needs_no_key(&parts.headers, client(parts)),
        Check::Key | Check::Off => false,
    };
    may && !shows_key(parts)
}

/// Whether somebody says who they are. They are bounded by their key then.
fn shows_key(parts: &Parts) -> bool {
    parts.headers.contains_key(AUTHORIZATION) || parts.headers.contains_key("apikey")
}

fn client(parts: &Parts) -> Option<Client> {
    parts.extensions.get::<Client>().copied()
}
