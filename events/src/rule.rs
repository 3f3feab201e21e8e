//! What a group gives to its members.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::metadata::Metadata;
use crate::policy::words;
use crate::text::{LicenseId, ProductId};

words! {
    /// Who of the members gets a seat.
    Mode {
        /// All of them, or the command is refused.
        Eager = "eager",
        /// As many as seats reach, in the order in which they joined; the rest wait.
        FirstCome = "first_come",
    }
}

/// One thing that a group gives to each of its members. Exactly one of `license` and `product`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// A seat of this license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// A seat of this product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Who of the members.
    pub mode: Mode,
    /// Seats that the group may have of it, at least 1; as many as there are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub quota: Option<i64>,
    /// Anything else, kept with the grant. Nothing is judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

impl Grant {
    /// Whether both are about the same license, or the same product.
    pub fn same_thing(&self, other: &Grant) -> bool {
        (&self.license, &self.product) == (&other.license, &other.product)
    }

    /// The name of the license or the product.
    pub fn named(&self) -> &str {
        match (&self.license, &self.product) {
            (Some(license), _) => license.as_str(),
            (None, Some(product)) => product.as_str(),
            (None, None) => "",
        }
    }
}
