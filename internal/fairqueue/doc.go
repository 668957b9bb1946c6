// Package fairqueue shares a fixed number of slots fairly among flows.
//
// A Flow is whoever must not be hurt by the others; a Tenant owns flows and has
// limits over them. Each acquisition takes slots of the Queue and as many of one
// Pool, together or not at all, so whoever waits for a busy Pool keeps no slot of
// the Queue from anyone else. A slot that is released while somebody waits is
// handed over, never put up for grabs.
//
// # The order
//
// When a slot is free, it goes to the first waiter of the flow that comes first
// in this order, among the flows whose pool has room and whose tenant is below
// its cap:
//
//  1. a flow whose tenant holds less than its guaranteed minimum;
//  2. the flow with the fewest slots for its weight. Flows are equal that are
//     within one slot of the lightest waiting flow: what is compared is
//     floor(held * lightest / weight). Comparing held/weight itself would round
//     badly: of 20 slots, weights 8 and 1 would get 17 and 3 for ever;
//  3. the flow that will have had the fewest slot-seconds for its weight, if what
//     it holds is held for the mean from now on;
//  4. the flow with the least cost for its weight;
//  5. the flow whose first waiter arrived first.
//
// Slots held now are compared first, and not service charged in the past:
// generations last from one second to minutes, and an order by past service
// lets one flow hold most of the slots for as long as its estimate was wrong.
// Slot-seconds are needed all the same, to share what does not divide evenly: by
// them the long-run shares are those of the weights.
//
// They are reckoned only while somebody waits, since what is used when slots are
// free costs nobody anything, and anew each time that contention begins. A flow
// that begins to wait starts level with the one that would be next, so it is not
// paid for the time in which it did not wait (the start tag of start-time fair
// queuing: P. Goyal, H. Vin, H. Cheng, 1996). A flow cannot be ahead by more than
// K = 4 mean holding times (mostLead), so that what it had while the others could
// not use it does not make it wait long for them.
//
// # Cost
//
// Flows of one weight that wait for one pool form a group, a heap ordered by
// (held, slot-seconds, cost, arrival). Flows in a group that hold equally many
// slots gain slot-seconds equally fast, so their order does not change with time
// and the heap needs no repair between events. Only the first of each group are
// compared by the rule above, so a grant costs O(g + log n) for g groups and n
// flows; there are as many groups as there are weights in use, times pools.
// Cancelling costs O(log n).
//
// # Without the mutex
//
// While nobody waits, a released slot is parked with its lane (its flow and
// pool), and the flow's next acquisition takes it from there: one compare-and-swap
// on the way in, two on the way out. A parked slot still counts as in use, so no
// limit can be passed that way. Whoever finds no room, or begins to wait, takes
// the mutex, sets the flag slow and then collects what is parked. Whoever parks
// looks at the flag again afterwards, and if it is set goes and collects its own.
// One of the two sees the other: either the flag was set before the look, or the
// slot was parked before the collection. So no slot stays parked while somebody
// waits for it. Everything else happens under the one mutex.
//
// # Bounds
//
// B1, never above a limit: the numbers in use are changed under the mutex only,
// and raised only by grant, which is called after the limits of queue, pool and
// tenant were compared with numbers that include what is parked. After a limit
// was lowered, nothing is parked or granted until what is in use is below it.
//
// B2, work conservation: whenever a slot comes free, a waiter comes or goes, a
// limit grows or a pacer opens, dispatch runs and ends only when no first waiter
// of any group has room. A waiter behind the first of its lane asks for the same
// pool and tenant. What stays free by intent is headroom, what a pacer holds
// back, and what is kept for a wide waiter that has waited for Backfill.
//
// B3, max-min fairness: let i and j wait all the time, with weights w, and v be
// the lightest weight. i is granted a slot before j only if
// floor(s_i*v/w_i) <= floor(s_j*v/w_j) before it; hence
// s_i/w_i - s_j/w_j < 1/v before and < 1/v + 1/w_i after. Where w_i is a multiple
// of v, the floor steps at the multiples of 1/v, and the bound after is 1/v. It
// holds from when each has been granted once what it held before (one turnover).
//
// B4, no starvation: a flow that holds nothing is in the lowest class of rule 2.
// Others can only go before it while they are in that class too, with fewer
// slot-seconds; the bound on being ahead lets each of the n-1 others have at most
// K mean holding times of service before it, so where slots are held for the
// mean it waits for at most (1+K)(n-1)+1 releases, however long anyone's queue
// is. Among flows of one weight, one that holds nothing goes before all that
// hold something: it is served at the next release that its pool can use, after
// at most those that hold nothing too.
//
// B5, cost: while two flows tie in slots and slot-seconds, the one with less cost
// for its weight goes first, so the difference of their costs for their weights
// is at most the largest single cost for a weight of the one plus that of the
// other, as in start-time fair queuing.
//
// Start with Queue, then Acquire.
package fairqueue
