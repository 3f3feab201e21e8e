//! `seatledger check`, `usage` and `history`: questions to a running ledger.

use clap::{ArgGroup, Args};
use serde_json::Value;

use super::asking::{When, say_sequence};
use super::lists::who;
use super::remote::encoded;
use super::{Exit, Global, failed, output};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("holder").args(["user", "email"]).required(true).multiple(true)))]
pub(super) struct Check {
    /// In which account
    account: String,
    /// Who, by user id
    #[arg(long)]
    user: Option<String>,
    /// Who, by e-mail address
    #[arg(long)]
    email: Option<String>,
    /// May they use this product
    #[arg(long)]
    product: Option<String>,
    /// May they use this license
    #[arg(long)]
    license: Option<String>,
    #[command(flatten)]
    when: When,
}

impl Check {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let asked = [
            ("user", self.user),
            ("email", self.email),
            ("product", self.product),
            ("license", self.license),
        ];
        let path = format!("/v1/accounts/{}/checks", encoded(&self.account));
        let verdict = self.when.asking(global)?.get(&path, &asked).await?;
        let allowed = verdict["allowed"] == true;
        match global.json {
            true => output::json(&verdict),
            false => print_verdict(&verdict, allowed),
        }
        Ok(if allowed { Exit::Done } else { Exit::Refused })
    }
}

fn print_verdict(verdict: &Value, allowed: bool) {
    let said = |member: &str| output::cell(&verdict[member]);
    let word = output::word(if allowed { "allowed" } else { "denied" }, allowed);
    output::line(&format!("{word}  {}  sequence {}", said("code"), said("sequence")));
    if verdict["detail"].is_string() {
        output::line(&format!("  {}", said("detail")));
    }
    let ended = &verdict["ended"];
    if ended.is_object() {
        let said = |member: &str| output::cell(&ended[member]);
        output::line(&format!(
            "  {}  ended {}  sequence {}  assignment {}",
            said("license"),
            said("revoked_at"),
            said("revoked_sequence"),
            said("assignment")
        ));
    }
    let grounds = verdict["grounds"].as_array().map(Vec::as_slice).unwrap_or_default();
    for ground in grounds {
        let said = |member: &str| output::cell(&ground[member]);
        output::line(&format!(
            "  {}  {}  since {}  assignment {}",
            said("license"),
            said("ground"),
            said("since"),
            said("assignment")
        ));
    }
}

#[derive(Debug, Args)]
pub(super) struct Usage {
    /// In which account
    account: String,
    /// Of which license; all of the account when absent
    license: Option<String>,
    /// Over time, from here: a time or a day
    #[arg(long, requires = "license")]
    from: Option<String>,
    /// Over time, to here
    #[arg(long, requires = "license")]
    to: Option<String>,
    /// In windows of hour, day, week or month
    #[arg(long, requires = "license")]
    window: Option<String>,
    #[command(flatten)]
    when: When,
}

impl Usage {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let asking = self.when.asking(global)?;
        let account = format!("/v1/accounts/{}", encoded(&self.account));
        let over_time = self.from.is_some() || self.to.is_some() || self.window.is_some();
        let (answer, head): (Value, &[&str]) = match &self.license {
            Some(license) if over_time => {
                let asked = [("from", self.from), ("to", self.to), ("window", self.window)];
                let path = format!("{account}/licenses/{}/usage", encoded(license));
                let head = &["from", "to", "used", "quantity", "peak", "seat_days", "refusals"];
                (asking.get(&path, &asked).await?, head)
            }
            Some(license) => {
                let path = format!("{account}/licenses/{}", encoded(license));
                (asking.get(&path, &[]).await?, LICENSE)
            }
            None => {
                let path = format!("{account}/licenses");
                (asking.list(&path, &[], usize::MAX).await?, LICENSE)
            }
        };
        if global.json {
            output::json(&answer);
            return Ok(Exit::Done);
        }
        let one = [answer.clone()];
        let items = answer["items"].as_array().map_or(&one[..], Vec::as_slice);
        print_items(items, head);
        say_sequence(&answer);
        Ok(Exit::Done)
    }
}

const LICENSE: &[&str] = &["license", "product", "state", "quantity", "used", "available"];

fn print_items(items: &[Value], head: &[&str]) {
    let row = |item: &Value| head.iter().map(|name| output::cell(&item[*name])).collect();
    output::table(head, items.iter().map(row).collect());
}

#[derive(Debug, Args)]
pub(super) struct History {
    /// Of which account
    account: String,
    /// Only of this license
    #[arg(long)]
    license: Option<String>,
    /// Only about this user
    #[arg(long)]
    user: Option<String>,
    /// Only about this e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Only about this group
    #[arg(long)]
    group: Option<String>,
    /// Only of this type, such as SeatAssigned
    #[arg(long = "type")]
    kind: Option<String>,
    /// Only by this actor, as senders said
    #[arg(long)]
    actor: Option<String>,
    /// Only by whoever was let in so, such as key:5d1f0c2ab7e94836 or nats:command
    #[arg(long)]
    by: Option<String>,
    /// Only from here on: a time or a day
    #[arg(long)]
    from: Option<String>,
    /// Only up to here
    #[arg(long)]
    to: Option<String>,
    /// At most this many, the newest first
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    when: When,
}

impl History {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        if self.limit == 0 {
            return Err(failed(Exit::Usage, "--limit must be at least 1"));
        }
        let filters = [
            ("license", self.license),
            ("user", self.user),
            ("email", self.email),
            ("group", self.group),
            ("type", self.kind),
            ("actor", self.actor),
            ("by", self.by),
            ("from", self.from),
            ("to", self.to),
            ("order", Some("newest".to_owned())),
        ];
        let path = format!("/v1/accounts/{}/history", encoded(&self.account));
        let answer = self.when.asking(global)?.list(&path, &filters, self.limit).await?;
        if global.json {
            output::json(&answer);
            return Ok(Exit::Done);
        }
        let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = |item: &Value| {
            let said = |name: &str| output::cell(&item[name]);
            let holder = who(&item["holder"]);
            let reason = output::cell(&item["change"]["reason"]);
            let place = format!("{}/{}", said("sequence"), said("index"));
            let (actor, by) = (said("actor"), said("by"));
            vec![place, said("at"), said("type"), said("license"), holder, actor, by, reason]
        };
        let head = ["sequence", "at", "type", "license", "holder", "actor", "by", "reason"];
        output::table(&head, items.iter().map(row).collect());
        say_sequence(&answer);
        Ok(Exit::Done)
    }
}
