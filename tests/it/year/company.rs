//! The company: who joins, leaves and moves, what is bought and what runs out, day by day, from a
//! seed.

mod calendar;
mod daily;
mod people;

use serde_json::{Value, json};

use super::running::Year;
use crate::faults::dice::Dice;

/// Of 100 people who are there in a year so many are there when it begins.
const AT_FIRST: u64 = 75;
const DEPARTMENTS: [&str; 7] =
    ["engineering", "design", "sales", "marketing", "support", "finance", "contractors"];
const EVERYONE: &str = "everyone";
/// Members that one command names.
const NAMED_AT_ONCE: usize = 400;

pub struct Company {
    pub dice: Dice,
    /// Seats are bought for a company of this size.
    size: u64,
    /// Who is there now, with their departments.
    people: Vec<(String, &'static str)>,
    /// Who has left, and might come back.
    left: Vec<String>,
    /// Users and addresses that were given out so far.
    users: u64,
    guests: u64,
    /// Addresses of guests who are nobody's user yet.
    addresses: Vec<String>,
}

fn named(holder: &str) -> Value {
    match holder.contains('@') {
        true => json!({"email": holder}),
        false => json!({"user": holder}),
    }
}

fn all_named(holders: &[String]) -> Vec<Value> {
    holders.iter().map(|it| named(it)).collect()
}

impl Company {
    pub fn of(dice: Dice, size: u64) -> Company {
        let (people, left, addresses) = (vec![], vec![], vec![]);
        Company { dice, size, people, left, users: 0, guests: 0, addresses }
    }

    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.dice.below(sides.max(1) as u64)).unwrap()
    }

    /// A number of days or hours below so many.
    fn day_of(&mut self, many: u64) -> i64 {
        i64::try_from(self.dice.below(many)).unwrap()
    }

    /// Once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.dice.below(times) == 0
    }

    /// So many thousandths of the size of the company.
    fn share(&self, thousandths: u64) -> i64 {
        i64::try_from(self.size * thousandths / 1_000).unwrap()
    }

    /// The first day: what is bought, who is there, what departments give.
    pub async fn founded(&mut self, year: &mut Year) {
        self.buy(year).await;
        let mut joined = vec![];
        for _ in 0..self.size * AT_FIRST / 100 {
            joined.push(self.new_user());
        }
        self.join(year, joined).await;
        self.rules(year).await;
    }

    pub async fn day(&mut self, year: &mut Year) {
        self.calendar(year).await;
        if year.day % 7 == 1 {
            self.joiners_and_leavers(year).await;
        }
        if year.day % 7 < 5 {
            for _ in 0..5 + self.below(7) {
                self.anything(year).await;
            }
        }
        if year.day % 10 == 3 {
            self.somebody_is_refused(year).await;
            year.remember(&mut self.dice);
        }
    }
}
