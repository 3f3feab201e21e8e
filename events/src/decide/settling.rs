//! What follows from a command that was accepted: free seats go to those who wait, and a license
//! says whether more of it is held or shared out than it may give.

use super::Case;
use crate::account::{License, Mark, Passed};
use crate::event::{Event, OverallocationBegan, OverallocationEnded};
use crate::text::LicenseId;

impl Case<'_> {
    /// A window that is said to have begun, or to be over, has with the same command.
    fn pass_windows(&mut self, from: usize) {
        let window =
            |it: &&Event| matches!(it, Event::LicenseAllocated(_) | Event::WindowChanged(_));
        let said = self.events[from..].iter().filter(window);
        let licenses: Vec<LicenseId> = said.filter_map(|it| it.about().license.cloned()).collect();
        for id in licenses {
            for _ in Passed::MOMENTS {
                let next = self.account.license(&id).and_then(License::next);
                let Some((at, _)) = next.filter(|(at, _)| *at <= self.now) else { break };
                self.pass_license(id.clone(), at);
            }
        }
    }

    /// Brings the account into order again after what was caused since the mark, which was when
    /// there were `from` events.
    pub(super) fn settle(&mut self, mark: Mark, from: usize, everybody: bool) {
        let mut products = if everybody { self.account.queued() } else { vec![] };
        self.pass_windows(from);
        for license in self.account.touched_licenses(mark) {
            let waited_for = self.account.queue(&license.product).next().is_some();
            if waited_for && !products.contains(&license.product) {
                products.push(license.product.clone());
            }
        }
        // Whoever may hold a seat by now may be waiting for one that is free.
        let known = |it: &Event| {
            let met = matches!(
                it,
                Event::HolderRegistered(_) | Event::MemberAdded(_) | Event::HolderLinked(_)
            );
            it.about().holder.filter(|_| met).cloned()
        };
        for holder in self.events[from..].iter().filter_map(known) {
            for wait in self.account.waits_of(holder.key()) {
                if let Some(product) = self.account.product_of(wait)
                    && !products.contains(product)
                {
                    products.push(product.clone());
                }
            }
        }
        let back = |it: &Event| {
            let window = matches!(it, Event::LicenseStarted(_) | Event::WindowChanged(_));
            window || matches!(it, Event::LicenseReinstated(_))
        };
        // Whoever holds a seat of a license that can be used again has what they wait for.
        let without_seats = everybody || self.events[from..].iter().any(back);
        if !self.drain(&products, without_seats) {
            self.account.look_for_unserved(true);
        }
        let account = &*self.account;
        let over: Vec<Event> = account
            .touched_licenses(mark)
            .filter_map(|it| {
                let license = it.id.clone();
                match (it.over_allocated, account.excess(it)) {
                    (false, Some(it)) => {
                        let (held, limit) = (it.taken, it.limit);
                        let event = OverallocationBegan { license, held, limit };
                        Some(Event::OverallocationBegan(event))
                    }
                    (true, None) => {
                        Some(Event::OverallocationEnded(OverallocationEnded { license }))
                    }
                    (true, Some(_)) | (false, None) => None,
                }
            })
            .collect();
        over.into_iter().for_each(|it| self.cause(it));
        self.begin_transfers();
    }
}
