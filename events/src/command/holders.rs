//! Commands about holders.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Patch;
use crate::holder::{Email, Holder};
use crate::text::{Label, UserId};

/// Says who somebody is. They are known from then on, with or without a seat; one who was retired
/// is back. Changes what is given and nothing else; `null` takes a value away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisterHolder {
    /// Who. An e-mail address given beside a user is theirs from now on.
    pub holder: Holder,
    /// What they are called where they sign in.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Label>)]
    pub user_name: Patch<Label>,
    /// What they are called by people.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Label>)]
    pub display_name: Patch<Label>,
}

/// Says which user an e-mail address belongs to. Whatever was assigned to the address is the user's
/// from then on; where both had a seat of one license, one seat with the grounds of both remains.
/// The address names that user in every later command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkHolder {
    /// The address.
    pub email: Email,
    /// Whose it is.
    pub user: UserId,
}

/// Ends everything that somebody has: seats, places in waitlists, groups, the direct set. They get
/// nothing any more until they are registered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetireHolder {
    /// Who.
    pub holder: Holder,
}

/// Says the full set of products that each of these holders has directly: all of them or none.
///
/// What they have directly and is not in the set ends; what is in the set and they do not have is
/// assigned, each of the license in force that ends first and has a free seat. Under the policy
/// `direct_sets: replace` they have nothing from groups meanwhile, so an empty set is a denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeclareDirectSet {
    /// Whose, 1 to 1,000; the same holder twice counts once.
    #[schema(min_items = 1, max_items = 1000)]
    pub holders: Vec<Holder>,
    /// Which products, at most 100; the same product twice counts once.
    #[schema(max_items = 100)]
    pub products: Vec<crate::text::ProductId>,
    /// Whether another system looks after these seats. Kept and told, never judged.
    #[serde(default, skip_serializing_if = "super::is_no")]
    #[schema(default = false)]
    pub external: bool,
}

/// Ends the direct sets of these holders, and what they have directly with them; they have what
/// their groups give again. One who has none is already as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClearDirectSet {
    /// Whose, 1 to 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub holders: Vec<Holder>,
}
