//! What happens on any day.

use serde_json::json;

use super::{Company, all_named};
use crate::year::running::Year;

impl Company {
    pub(super) async fn anything(&mut self, year: &mut Year) {
        match self.below(20) {
            0..3 => self.move_somebody(year).await,
            _ => {}
        }
    }

    pub(super) async fn somebody_is_refused(&mut self, year: &mut Year) {
        let holders = all_named(&[self.somebody()]);
        year.one(("AssignSeat", json!({"license": "nothing", "holders": holders}))).await;
    }
}
