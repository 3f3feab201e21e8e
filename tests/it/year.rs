//! A year of a company of 2,000 people, against a model that knows the documents and not the code.
//!
//! `SEATLEDGER_SEED` is another year, `SEATLEDGER_YEAR_PEOPLE` another size of it.

mod company;
mod comparing;
mod model;
mod running;

use std::time::Instant;

use crate::Ledger;
use crate::faults::dice::Dice;
use crate::faults::{say, setting};
use company::Company;
use running::Year;

const DAYS: i64 = 365;
/// Days between two looks at everything.
const MONTH: i64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_a_company_is_what_a_simple_model_says() {
    let dice = Dice::of_test("year", 2_026);
    let people = setting("SEATLEDGER_YEAR_PEOPLE", 2_000);
    let began = Instant::now();
    let mut year = Year::begin(Ledger::start().await).await;
    let mut company = Company::of(dice, people);
    company.founded(&mut year).await;
    for day in 1..=DAYS {
        year.tomorrow().await;
        company.day(&mut year).await;
        if day % MONTH == 0 {
            year.all_is_as_it_should_be(&mut company.dice).await;
        }
    }
    year.all_is_as_it_should_be(&mut company.dice).await;
    year.the_past_is_as_it_was().await;
    say(&format!("{} in {} ms", year.tally(), began.elapsed().as_millis()));
    year.is_rich();
}
