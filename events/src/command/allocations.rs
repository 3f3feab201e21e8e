//! Commands about parts of a license's quantity, held by containers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Quantity;
use crate::text::{ContainerId, LicenseId, ProductId};

/// Says everything that containers have of the licenses above them: all of it or nothing. What is
/// left out becomes zero.
///
/// A part is a license of its own, held by the container; its window, its state and its product are
/// those of the license it is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetAllocations {
    /// The whole allocation of each container, 1 to 100 of them, each once.
    #[schema(min_items = 1, max_items = 100)]
    pub allocations: Vec<Allocation>,
}

/// The whole allocation of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Allocation {
    /// Which container; it is there from then on.
    pub container: ContainerId,
    /// The container it is within, whose licenses are shared out; the account's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<ContainerId>,
    /// Whether what it gets more of comes out of the account's own licenses, through the container
    /// that it is within, and what it gets less of goes back there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub through: bool,
    /// How much of what, at most 100; each license or product once.
    #[schema(max_items = 100)]
    pub quantities: Vec<Part>,
}

/// How much of what. Exactly one of `license` and `product`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Part {
    /// Of which license above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Of which product: of the license above that is in force and ends first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Seats, altogether.
    pub quantity: Quantity,
}

/// Moves quantity of a license to its parts, from them, or between them: all of it or nothing. Asked
/// again under another id it moves as much again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MoveQuantity {
    /// Of which license; exactly one of `license` and `product`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Of which product: of the license in force that ends first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The container whose license is shared out; the account's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<ContainerId>,
    /// From where to where, 1 to 100, in this order.
    #[schema(min_items = 1, max_items = 100)]
    pub moves: Vec<QuantityMove>,
}

/// One move. At least one of `from` and `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuantityMove {
    /// From which container; from the license itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ContainerId>,
    /// To which container; to the license itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ContainerId>,
    /// Seats, at least 1.
    pub quantity: Quantity,
}
