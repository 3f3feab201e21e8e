//! What is bought when, and what departments give.

use serde_json::json;

use super::Company;
use crate::year::running::Year;

impl Company {
    pub(super) async fn buy(&mut self, year: &mut Year) {
        for document in [
            json!({"license": "badge", "product": "BADGE", "quantity": self.share(1_500)}),
        ] {
            year.one(("AllocateLicense", document)).await;
        }
    }

    pub(super) async fn rules(&mut self, _year: &mut Year) {
    }

    pub(super) async fn calendar(&mut self, _year: &mut Year) {
    }
}
