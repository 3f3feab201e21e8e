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
            let new =
                |it: &&String| self.has(holder, &What::Product((*it).clone()), DIRECT).is_none();
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
                let what = What::Product(product.clone());
                if self.has_seat(holder, &what, DIRECT).is_none() {
                    self.give(holder, &what, DIRECT, None)?;
                }
            }
        }
        Ok(())
    }

    /// Ends what somebody has that is not in their set.
    pub(super) fn end_beside(&mut self, holder: &str, products: &[String]) {
        if self.people[holder].set.as_deref() != Some(products) {
            self.know(holder).set = Some(products.to_vec());
            self.say(&["DirectSetDeclared", holder]);
        }
        let replace = self.policy.get("direct_sets").is_none_or(|it| it == "replace");
        self.drop_places("withdrawn", |it| it.holder == holder && (it.ground == DIRECT || replace));
        for product in products {
            let has = self.has(holder, &What::Product(product.clone()), DIRECT);
            let direct = |it: usize| self.seat(it, holder).unwrap().grounds.contains(DIRECT);
            if let Some(license) = has.filter(|it| !direct(*it)) {
                self.stand_on(license, holder, DIRECT, None);
            }
        }
        for license in 0..self.licenses.len() {
            if self.seat(license, holder).is_none() {
                continue;
            }
            let kept = products.contains(&self.licenses[license].product);
            let goes = |it: &str| if it == DIRECT { !kept } else { replace };
            self.remove_grounds(license, holder, goes);
        }
    }

    pub(super) fn clear_set(&mut self, document: &Value) -> Result<(), Code> {
        let holders = self.holders(document);
        if holders.iter().any(|it| !self.people.contains_key(it)) {
            return Err("holder_not_found");
        }
        for holder in
            holders.iter().filter(|it| self.people[*it].set.is_some()).cloned().collect::<Vec<_>>()
        {
            self.know(&holder).set = None;
            self.say(&["DirectSetCleared", &holder]);
            for (name, group) in self.groups_in_order() {
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
