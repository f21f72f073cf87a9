//! What examples ask of a book, whichever of the two it is.

use bandex_matching::naive::NaiveBook;
use bandex_matching::{
    AdmitAll, Band, Book, Clearing, Crossed, Event, Indicative, Level, NewOrder, OrderId, Placed, Refusal,
    Resting, UnknownOrder,
};
use bandex_types::{Price, Quantity, Side};
use std::convert::Infallible;

pub type Events = Vec<Event<Infallible>>;
pub type Outcome = Result<Placed<Infallible>, Refusal>;

pub trait AnyBook: Default {
    fn set_band(&mut self, band: Option<Band>);
    fn place(&mut self, order: &NewOrder, events: &mut Events) -> Outcome;
    fn place_budget(&mut self, order: &NewOrder, budget: u128, events: &mut Events) -> Outcome;
    fn replace(&mut self, id: OrderId, order: &NewOrder, events: &mut Events) -> Outcome;
    fn enter(&mut self, order: &NewOrder, own: &[OrderId], events: &mut Events) -> Outcome;
    fn reduce(&mut self, id: OrderId, by: Quantity) -> Result<Quantity, UnknownOrder>;
    fn cancel(&mut self, id: OrderId) -> Result<Resting, UnknownOrder>;
    fn indicative(&self, reference: Option<Price>) -> Option<Indicative>;
    fn uncross<C: Clearing>(
        &mut self,
        reference: Option<Price>,
        clearing: &mut C,
        events: &mut Vec<Crossed<C::Reason>>,
    ) -> Option<Indicative>;
    fn get(&self, id: OrderId) -> Option<Resting>;
    fn levels(&self, side: Side) -> Vec<Level>;
    fn orders(&self, side: Side) -> Vec<Resting>;
}

macro_rules! any_book {
    ($book:ty) => {
        impl AnyBook for $book {
            fn set_band(&mut self, band: Option<Band>) {
                <$book>::set_band(self, band);
            }
            fn place(&mut self, order: &NewOrder, events: &mut Events) -> Outcome {
                <$book>::place(self, order, &mut AdmitAll, events)
            }
            fn place_budget(&mut self, order: &NewOrder, budget: u128, events: &mut Events) -> Outcome {
                <$book>::place_budget(self, order, budget, &mut AdmitAll, events)
            }
            fn replace(&mut self, id: OrderId, order: &NewOrder, events: &mut Events) -> Outcome {
                <$book>::replace(self, id, order, &mut AdmitAll, events)
            }
            fn enter(&mut self, order: &NewOrder, own: &[OrderId], events: &mut Events) -> Outcome {
                <$book>::enter(self, order, own, events)
            }
            fn reduce(&mut self, id: OrderId, by: Quantity) -> Result<Quantity, UnknownOrder> {
                <$book>::reduce(self, id, by)
            }
            fn cancel(&mut self, id: OrderId) -> Result<Resting, UnknownOrder> {
                <$book>::cancel(self, id)
            }
            fn indicative(&self, reference: Option<Price>) -> Option<Indicative> {
                <$book>::indicative(self, reference)
            }
            fn uncross<C: Clearing>(
                &mut self,
                reference: Option<Price>,
                clearing: &mut C,
                events: &mut Vec<Crossed<C::Reason>>,
            ) -> Option<Indicative> {
                <$book>::uncross(self, reference, clearing, events)
            }
            fn get(&self, id: OrderId) -> Option<Resting> {
                <$book>::get(self, id)
            }
            fn levels(&self, side: Side) -> Vec<Level> {
                <$book>::levels(self, side).collect()
            }
            fn orders(&self, side: Side) -> Vec<Resting> {
                <$book>::orders(self, side).collect()
            }
        }
    };
}

any_book!(Book);
any_book!(NaiveBook);
