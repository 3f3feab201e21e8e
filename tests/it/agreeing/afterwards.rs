//! What all of them say is the same after the read models were built anew, and after a restart.

use serde_json::json;

use super::{PRODUCT, World, Writer};
use crate::Ledger;
use crate::faults::told;

/// A little of everything, through everybody.
async fn fill(world: &World) {
    let members = json!({"group": "team", "holders": [{"user": "cy"}, {"user": "di"}]});
    world.accepted("AddMembers", &members).await;
    let rule = json!({"userBundleCodes": [PRODUCT]});
    let path = "/lease_/api/account/acme/user-license/group/team";
    let told = world.call(Writer::Uipath, ("PUT", path), &rule, None).await;
    assert_eq!(told.status, 200, "{}", told.json());
    world.agree().await;
    let targets = json!([{"targetSpaceId": "north", "licenses": 2}]);
    let body = json!({"courseId": "c1", "spaceLicenses": targets});
    let path = "/v2/spaces/acme/folders/f/courses/license";
    assert_eq!(world.call(Writer::Aladia, ("PATCH", path), &body, None).await.status, 200);
    let body = json!({"courseId": "c1", "profileIds": ["bo"]});
    let path = "/v2/spaces/north/members/assign-license";
    assert_eq!(world.call(Writer::Aladia, ("PATCH", path), &body, None).await.status, 200);
    let body = json!({"license_id": world.license, "email": "new@example.org", "active": false});
    let path = "/api/catalog/licenses/course/assignment/";
    assert_eq!(world.call(Writer::Ibl, ("POST", path), &body, None).await.status, 200);
    for (giver, taker) in Writer::ALL.iter().zip(Writer::ALL.iter().rev()) {
        world.gives(*giver, "ada").await;
        world.takes(*taker, "ada").await;
    }
    world.gives(Writer::Ibl, "ada").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_say_the_same_after_a_rebuild_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::on(Ledger::start_in(dir.path()).await, 6).await;
    fill(&world).await;
    let logged = world.agree().await;
    let said = world.everything(&logged).await;
    assert!(said.len() > 60, "{}", said.len());
    told::rebuilt_the_same(&world.ledger);
    assert_eq!(world.everything(&logged).await, said, "after a rebuild");
    world.agree().await;
    let World { ledger, keys, license, numbers } = world;
    assert!(ledger.stop().await.success());
    let world = World { ledger: Ledger::start_in(dir.path()).await, keys, license, numbers };
    assert_eq!(world.everything(&logged).await, said, "after a restart");
    let again = world.agree().await;
    assert_eq!(again.licenses, logged.licenses);
    // And all of them go on from there.
    for writer in Writer::ALL {
        world.takes(writer, "ada").await;
        world.gives(writer, "ada").await;
        world.agree().await;
    }
    told::rebuilt_the_same(&world.ledger);
}
