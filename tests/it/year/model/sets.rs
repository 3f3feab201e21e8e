//! Direct sets.

use serde_json::Value;

use super::seats::DIRECT;
use super::{Code, Model, What};

impl Model {
    pub(super) fn declare_set(&mut self, document: &Value) -> Result<(), Code> {
        let holders = self.holders(document);
        let mut products: Vec<String> = vec![];
        for it in document["products"].as_array().unwrap() {
            let product = self.product(it.as_str().unwrap())?;
            if !products.contains(&product) {
                products.push(product);
            }
        }
        if holders.iter().any(|it| self.is_retired(it)) {
            return Err("holder_retired");
        }
        for holder in &holders {
            let new = |it: &&String| self.has(holder, &What::Product((*it).clone()), DIRECT).is_none();
            let lacking: Vec<_> = products.iter().filter(new).collect();
            let may = |it: &&String| self.may_have(&What::Product((*it).clone()), holder);
            if lacking.iter().any(|it| !may(it)) {
                return Err("holder_not_member");
            }
        }
        for holder in &holders {
            self.introduce(holder);
            self.end_beside(holder, &products);
        }
        for product in products.iter().filter(|it| self.in_force(it).is_empty()) {
            let what = What::Product(product.clone());
            if holders.iter().any(|it| self.has(it, &what, DIRECT).is_none()) {
                return Err("no_license_in_force");
            }
        }
        for holder in &holders {
            for product in &products {
                self.give(holder, &What::Product(product.clone()), DIRECT, None)?;
            }
        }
        Ok(())
    }

    /// Ends what somebody has that is not in their set.
    fn end_beside(&mut self, holder: &str, products: &[String]) {
        if self.people[holder].set.as_deref() != Some(products) {
            self.know(holder).set = Some(products.to_vec());
            self.say(&["DirectSetDeclared", holder]);
        }
        let replace = self.policy.get("direct_sets").is_none_or(|it| it == "replace");
        let in_set = |it: &Self, what: &What| match what {
            What::License(license) => products.contains(&it.licenses[*license].product),
            What::Product(product) => products.contains(product),
        };
        let kept: Vec<_> = self.waiting.iter().map(|it| in_set(self, &it.what)).collect();
        let gone = self.waiting.iter().zip(kept).filter(|(it, kept)| {
            let by_group = it.ground != DIRECT;
            it.holder == holder && ((by_group && replace) || (!by_group && !kept))
        });
        let gone: Vec<_> = gone.map(|(it, _)| (it.what.clone(), it.ground.clone())).collect();
        self.drop_places("withdrawn", |it| {
            it.holder == holder && gone.contains(&(it.what.clone(), it.ground.clone()))
        });
        for license in 0..self.licenses.len() {
            if self.seat(license, holder).is_none() {
                continue;
            }
            let kept = in_set(self, &What::License(license));
            if kept {
                self.add_ground(license, holder, DIRECT);
            }
            self.remove_grounds(license, holder, |it| match it {
                DIRECT => !kept,
                it if it.starts_with("orphan:") => !kept || replace,
                _ => replace,
            });
        }
    }

    pub(super) fn clear_set(&mut self, document: &Value) -> Result<(), Code> {
        let holders = self.holders(document);
        if holders.iter().any(|it| !self.people.contains_key(it)) {
            return Err("holder_not_found");
        }
        for holder in holders.iter().filter(|it| self.people[*it].set.is_some()).cloned().collect::<Vec<_>>() {
            self.know(&holder).set = None;
            self.say(&["DirectSetCleared", &holder]);
            for (name, group) in self.groups.clone() {
                if group.members.contains(&holder) {
                    self.apply(&name, std::slice::from_ref(&holder), &group.grants, false)?;
                }
            }
            for license in 0..self.licenses.len() {
                let has = self.seat(license, &holder);
                if has.is_some_and(|it| it.grounds.contains(DIRECT)) {
                    self.remove_grounds(license, &holder, |it| it == DIRECT);
                }
            }
        }
        Ok(())
    }
}
