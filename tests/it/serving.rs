//! Commands in, answers out: the API's promises.

use serde_json::json;

use crate::Ledger;

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_assigned_checked_and_revoked() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "creative", "product": "CREATIVE", "quantity": 2});
    assert_eq!(ledger.accepted("acme", "AllocateLicense", &license).await, 1);
    let assign = json!({"license": "creative", "holders": [{"user": "ada"}]});
    let sequence = ledger.accepted("acme", "AssignSeat", &assign).await;
    let check = "/v1/accounts/acme/checks?user=ada&product=CREATIVE";
    let verdict = ledger.get_at_least(check, sequence).await;
    assert_eq!((verdict.json()["allowed"].clone(), verdict.sequence()), (json!(true), sequence));
    let revoke = json!({"license": "creative", "holders": [{"user": "ada"}], "reason": "left"});
    let revoked = ledger.accepted("acme", "RevokeAssignment", &revoke).await;
    let verdict = ledger.get_at_least(check, revoked).await.json();
    assert_eq!(
        (verdict["allowed"].clone(), verdict["code"].clone()),
        (json!(false), json!("not_assigned"))
    );
    let past = ledger.get(&format!("{check}&at={sequence}")).await.json();
    assert_eq!(past["allowed"], json!(true));
}
