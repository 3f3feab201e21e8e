//! What every command hashes to.

/// Documents of every type with every field they may have, and the hash they have for ever: a
/// command that is sent again after an upgrade must be known by it.
pub(super) const DOCUMENTS: [(&str, &str, &str); 31] = [
    (
        "AllocateLicense",
        r#"{"license":"creative","product":"P","quantity":50,"container":"t","name":"n",
            "starts_at":"2026-05-03T11:00:00+02:00","ends_at":"2027-05-03T09:00:00.000Z",
            "external_id":"X","source":"s","metadata":{"a":[1.50,"b"]}}"#,
        "5dbd900e59d6bed693560761f4259f35",
    ),
    (
        "ChangeLicense",
        r#"{"license":"creative","quantity":50,"name":"n","starts_at":"2026-05-03T09:00:00Z",
            "ends_at":"2027-05-03T09:00:00Z","external_id":"X","source":"s","metadata":{}}"#,
        "790b7708b023d7feb3cc70801738f62d",
    ),
    (
        "ChangeLicense",
        r#"{"license":"creative","name":null,"starts_at":null,"ends_at":null,
            "external_id":null,"source":null,"metadata":null}"#,
        "106f4a92c059b0cb712235d402241bb9",
    ),
    ("SuspendLicense", r#"{"license":"creative"}"#, "070e4f9844e78e4b9988f6bbcdfd3237"),
    ("ReinstateLicense", r#"{"license":"creative"}"#, "4d994737d6b7f35cfc81fa804716fec8"),
    ("RetireLicense", r#"{"license":"creative"}"#, "1edf1f7996c56bcf5eea989fc4798de9"),
    (
        "AssignSeat",
        r#"{"license":"creative","holders":[{"user":"ada"},{"email":"Bo@X.org"},
            {"user":"cy","email":"cy@x.org"}],"active":false,"fulfilled":true,
            "redirect_to":"/r","metadata":{"a":1},"reason":"because",
            "change":{"source":"s","type":"t","transaction_id":"x"}}"#,
        "ae26ee580353ee67ebd89bbd3ab1b7f0",
    ),
    (
        "AssignSeat",
        r#"{"product":"P","holders":[{"user":"ada"}]}"#,
        "ee3691c09a04f6856d35597b27402551",
    ),
    (
        "ChangeAssignment",
        r#"{"assignment":"019ded10-e280-7000-8000-000000000001","active":true,"fulfilled":false,
            "redirect_to":null,"metadata":{"a":1}}"#,
        "f2dbc37eb3ad1023230d2857d424b19e",
    ),
    (
        "RevokeAssignment",
        r#"{"license":"creative","holders":[{"user":"ada"}],"change":{"reason":"left"}}"#,
        "c53d6652bb0bf70d8c6a3cfb89c1eada",
    ),
    (
        "SetPolicy",
        r#"{"license":"creative","overage":"25%","leaving":null}"#,
        "19f20566a1277780509b58a3534881e1",
    ),
    (
        "RegisterHolder",
        r#"{"holder":{"user":"ada"},"display_name":"Ada"}"#,
        "853680dac0edcc4deea403d91d16ede9",
    ),
    ("LinkHolder", r#"{"email":"a@x.org","user":"ada"}"#, "3d5a7cbe5b5d958185c1a1e66bd34aa6"),
    ("RetireHolder", r#"{"holder":{"user":"ada"}}"#, "9144e0d77c0aa9a79c6e390c29e98c67"),
    (
        "DeclareDirectSet",
        r#"{"holders":[{"user":"ada"}],"products":["P"]}"#,
        "bbf2a9d5ce0c08c346b4ec173d22e0a9",
    ),
    ("ClearDirectSet", r#"{"holders":[{"user":"ada"}]}"#, "df4f5b217c7c2fde9900a6a43e9acea1"),
    (
        "AddMembers",
        r#"{"group":"g","holders":[{"user":"ada"}]}"#,
        "7cc160aba07ee7b51b841e06aaa747b3",
    ),
    (
        "RemoveMembers",
        r#"{"group":"g","holders":[{"user":"ada"}]}"#,
        "3b212ca229fbb404486a0cecd43f45ae",
    ),
    (
        "SetGroupRule",
        r#"{"group":"g","grants":[{"product":"P","mode":"eager","quota":2}]}"#,
        "28ee82c0be9d1d6730e0979d0d99d155",
    ),
    (
        "GrantToGroup",
        r#"{"group":"g","grant":{"license":"creative","mode":"first_come"}}"#,
        "c42daa9f3953b6856ebaaa0a162f4d06",
    ),
    ("RemoveGroupRule", r#"{"group":"g","cascade":false}"#, "f0a99b2353d432159ae8502c54ceb9f2"),
    (
        "LeaveWaitlist",
        r#"{"license":"creative","holders":[{"user":"ada"}]}"#,
        "965cb3e0a757f3af2b1b568687134e23",
    ),
    (
        "ScheduleCommand",
        r#"{"at":"2026-06-01T00:00:00Z","command":"RetireHolder","document":{"holder":{"user":"ada"}}}"#,
        "7e0a49f8226cca3a66ad25c4a4e45215",
    ),
    ("CancelSchedule", r#"{"schedule":7}"#, "718ddd5758f1b61fb792f97318c7817e"),
    (
        "SetAllocations",
        r#"{"allocations":[{"container":"t","within":"c","quantities":[{"product":"P","quantity":2}]}]}"#,
        "e7c44514b795bec28745616d93149958",
    ),
    (
        "MoveQuantity",
        r#"{"product":"P","moves":[{"to":"t","quantity":2}]}"#,
        "3cef97f81d4a6eebc6a75c7fe4538f95",
    ),
    (
        "AllocateToAccount",
        r#"{"license":"creative","receiver":"acme-labs","quantity":2}"#,
        "2fbb63ef2b34fce372a9c215d5166fda",
    ),
    (
        "CreateKey",
        r#"{"key":"5d1f0c2ab7e94836","role":"admin",
            "hash":"abababababababababababababababababababababababababababababababab"}"#,
        "4b70acfa8a9149a285c2ccc22f07f986",
    ),
    (
        "CreateKey",
        r#"{"key":"5d1f0c2ab7e94836","role":"reader","facades":["uipath","native"],
            "hash":"abababababababababababababababababababababababababababababababab",
            "expires_at":"2027-01-01T00:00:00Z","every_account":true,"name":"n"}"#,
        "b8e0c9cb18eed0ecd3d47b85362df5ac",
    ),
    ("RevokeKey", r#"{"key":"5d1f0c2ab7e94836"}"#, "3330cd873f83fcae110c67df3a8d9a19"),
    (
        "ApplyBatch",
        r#"{"commands":[{"command":"SuspendLicense","document":{"license":"creative"}}]}"#,
        "eacd2eab329c2884f20790d39e2de905",
    ),
];
