//! What is the same for every occurrence of a refusal.

use super::Refusal;

impl Refusal {
    /// Code, HTTP status, title and hint of every refusal, in order of precedence.
    pub const TABLE: &'static [(&'static str, u16, &'static str, &'static str)] = &[
        (
            "command_id_reused",
            409,
            "The command id was used for something else",
            "give every new command its own id",
        ),
        (
            "account_not_found",
            404,
            "There is no such account",
            "an account begins with its first AllocateLicense, RegisterHolder, AddMembers, CreateKey or SetPolicy",
        ),
        (
            "license_not_found",
            404,
            "There is no such license",
            "list the licenses of the account, or allocate it first",
        ),
        (
            "product_not_found",
            404,
            "There is no license of this product",
            "list the licenses of the account, or allocate one first",
        ),
        (
            "container_not_found",
            404,
            "There is no such container",
            "list the containers of the account, or place it first with SetAllocations",
        ),
        (
            "assignment_not_found",
            404,
            "There is no such assignment",
            "list the assignments of the license or of the holder",
        ),
        (
            "holder_not_found",
            404,
            "Nobody is known by this name",
            "a holder is known once they had a seat, a place, a group or a direct set, or were registered",
        ),
        (
            "group_not_found",
            404,
            "There is no such group",
            "a group exists from its first AddMembers or SetGroupRule on",
        ),
        (
            "schedule_not_found",
            404,
            "There is no such schedule",
            "CommandScheduled says the number of each",
        ),
        (
            "key_not_found",
            404,
            "There is no such key",
            "list the keys of the account: a key is named by its first 16 hex digits",
        ),
        ("key_revoked", 409, "The key is revoked", "a revoked key stays revoked: make another one"),
        (
            "key_exists",
            409,
            "The key exists with other terms",
            "make another key, and revoke this one",
        ),
        (
            "license_exists",
            409,
            "The license exists with other terms",
            "use ChangeLicense, or another name",
        ),
        (
            "external_id_taken",
            409,
            "The external id belongs to another license",
            "external ids are unique in an account",
        ),
        (
            "container_elsewhere",
            409,
            "The container is somewhere else",
            "a container stays where it was first placed; one may be within another, not deeper",
        ),
        (
            "license_is_part",
            409,
            "The license is a part of another one",
            "ask for it of the license that it is a part of",
        ),
        (
            "license_is_hosted",
            409,
            "The license is given by another account",
            "ask for it in the account that gives it",
        ),
        (
            "same_account",
            409,
            "An account gives nothing to itself",
            "name another account, or share it out to containers with SetAllocations",
        ),
        (
            "already_linked",
            409,
            "The address names another user already",
            "an address names one user for good: use the user id",
        ),
        ("holder_retired", 409, "The holder is retired", "RegisterHolder brings somebody back"),
        (
            "holder_not_member",
            409,
            "Only members may hold a seat",
            "RegisterHolder or AddMembers first, or set the policy may_hold to anyone",
        ),
        (
            "license_retired",
            409,
            "The license is retired",
            "a retired license stays retired: allocate another one",
        ),
        (
            "license_suspended",
            409,
            "The license is suspended",
            "ReinstateLicense ends the suspension",
        ),
        ("license_ended", 409, "The license has ended", "ChangeLicense can set a later ends_at"),
        (
            "no_license_in_force",
            409,
            "No license of the product is in force",
            "look at the windows and states of its licenses, and at the container that was \
             named",
        ),
        (
            "assignment_ended",
            409,
            "The assignment has ended",
            "an ended assignment stays ended: AssignSeat makes a new one",
        ),
        (
            "not_assigned",
            409,
            "The holder has no assignment of the license",
            "AssignSeat makes one",
        ),
        (
            "held_by_group",
            409,
            "A group gives it",
            "remove the holder from the group, or the grant from its rule, or declare an empty \
             direct set",
        ),
        ("already_over", 409, "It would be over already", "give a later ends_at, or none"),
        (
            "window_empty",
            409,
            "The window would end before it starts",
            "give starts_at and ends_at together",
        ),
        (
            "quantity_below_use",
            409,
            "More seats are held or shared out than that",
            "revoke assignments or take back what is shared out first, or ask for at least as \
             many",
        ),
        (
            "license_in_use",
            409,
            "The license has live assignments",
            "revoke its assignments first, or suspend it",
        ),
        (
            "license_given",
            409,
            "Other accounts have seats of the license",
            "take them back first: AllocateToAccount with the quantity 0",
        ),
        (
            "grants_overlap",
            409,
            "Two grants of the group are about one license",
            "grant the product, or licenses of it, not both",
        ),
        (
            "quantities_overlap",
            409,
            "Two quantities of the container are of one license",
            "give the quantity of the license, or of its product, not both",
        ),
        (
            "quota_below_use",
            409,
            "The group has more of it than that",
            "remove members first, or ask for at least what the group has",
        ),
        (
            "quota_exceeded",
            409,
            "The quota of the group is used up",
            "raise the quota, or let the rest wait with the mode first_come",
        ),
        (
            "no_free_quantity",
            409,
            "Not enough quantity left to share out",
            "take some back from another container, or raise the quantity with ChangeLicense",
        ),
        (
            "container_has_less",
            409,
            "The container has less than that",
            "take at most what the container has: its licenses say how much",
        ),
        (
            "no_free_seat",
            409,
            "No free seat",
            "revoke an assignment, take back what is shared out, or raise the quantity with \
             ChangeLicense",
        ),
        (
            "commit_too_large",
            409,
            "The command causes more than one commit can hold",
            "send several commands with fewer holders or smaller metadata; give many members a \
             seat with the mode first_come, or set the rule first and add them in steps",
        ),
        (
            "poison",
            422,
            "The ledger fails to judge the command",
            "tell the operator, whose log names the command and what failed; the same command can be \
             sent again once a release mends it",
        ),
    ];
}
