/*
 * Who gets which call, whatever happens: callers, agents, the exchange, two switch workers, two routers and the
 * database, small enough that `make model` looks at every run.
 *
 * Each inline below is one step: one transaction of a service, named as in the code, or one thing that happens
 * outside. README.md beside this file maps them to the code and says what is left out.
 *
 * Misfortunes may come at any moment and in any mixture, MISFORTUNES of them in a run: a router dies, the switch worker
 * dies or falls asleep and wakes up later, its socket is replaced, a report comes twice, a lease runs out too early,
 * an agent refuses, a caller gives up. Not counted: reports arrive late and in any order, commands of different
 * calls too. When nothing more can happen, everything must be over.
 *
 * Each -DWITHOUT_… takes one guard away, and must give a counter-example.
 */
#ifndef MISFORTUNES
#define MISFORTUNES 1
#endif
#ifndef CALLERS
#define CALLERS 3
#endif
#define CONTACTS 3
#define AGENTS 2
#define OFFERS 9	/* three numbers a contact; one is given again when nothing speaks of its offer any more */

/* The two processes that run passes: the switch worker's, and that of the engine and the desks. */
#define SWITCH 0
#define ENGINE 1

/* States of a contact, of its offers, and of an agent's leg at the exchange; 0 is none. */
#define UNCOMMITTED 1
#define QUEUED 2
#define OFFERED 3
#define CONNECTING 4
#define ENGAGED 5
#define ENDED 6

#define ACCEPTED 4
#define CONNECTED 5
#define OVER 6

#define RINGS 1
#define LIFTED 2
#define GONE 3

typedef Contact {				/* numbered by their places in the queue */
	unsigned state : 3;
	unsigned excluded : AGENTS;	/* a bit for each agent that it is not to be offered to */
	bool to_hang_up;			/* a switch command that is not yet done: hang the caller up */
	bool gone;					/* the caller's line, at the exchange */
	bool tells_arrival;			/* reports of the exchange that are on their way */
	bool tells_leaving
};

typedef Agent {
	bool open;					/* the slot: the agent is ready */
	bool held;					/* by an offer, or by the talk that it became */
	bool returning				/* (uncommitted; only WITHOUT_COMMIT_FIRST) */
};

typedef Offer {
	unsigned state : 3;
	bool agent;
	unsigned found_due : 2;		/* an engine has read its timer, with this fence, and is about to fire it */
	bool answer_told;			/* the leg's row: answered_at, ended_at */
	bool end_told;
	bool to_dial;				/* switch commands that are not yet done */
	bool to_bridge;
	bool to_hang_up;
	unsigned leg : 2;			/* the agent's leg, at the exchange, and whether it is joined with the caller */
	bool joined;
	bool tells_answer;			/* reports of the exchange that are on their way */
	bool tells_join;
	bool tells_end;
	bool late_dial;				/* in the hand of a worker that sleeps while another holds the lease */
	bool late_bridge;
	bool late_hang_up
};

Contact contact[CONTACTS];
Agent agent[AGENTS];
Offer offer[OFFERS];
bool asked[2];					/* a pass is asked for and has not begun */
bool busy[2];					/* a pass runs */
bool pool_is_locked;
bool a_router_died;				/* and with it, perhaps, a pass that was asked for */
bool a_worker_sleeps;
byte misfortunes = MISFORTUNES;
byte i;							/* for loops within one step; 0 outside */

#define FOR_CONTACTS(step)	:: step(0) :: step(1) :: step(2)
#define FOR_AGENTS(step)	:: step(0) :: step(1)
#define FOR_OFFERS(step)	:: step(0) :: step(1) :: step(2) :: step(3) :: step(4) \
							:: step(5) :: step(6) :: step(7) :: step(8)

#define must(condition, words)	if :: condition :: else -> printf("BROKEN: "); printf(words); assert(false) fi
#define tell(words, o)			printf(words, offer[o].agent + 1, contact_of(o) + 1)
#define misfortune()			misfortunes--

/* --- Words ------------------------------------------------------------------------------------------------------- */

#define contact_of(o)	((o) / 3)
#define first(c)		(3 * (c))
#define live(o)			(offer[o].state == OFFERED || offer[o].state == ACCEPTED)
#define holds(o)		(live(o) || offer[o].state == CONNECTED)
#define fence(o)		(offer[o].state == OFFERED -> 1 : 2)
#define up(o)			(offer[o].leg == RINGS || offer[o].leg == LIFTED)
#define excludes(c, g)	((contact[c].excluded >> (g)) & 1)

#define free_slot(g)	(agent[g].open && !agent[g].held)
#define pair(c, g)		(contact[c].state == QUEUED && free_slot(g) && !excludes(c, g))
#define fits(c)			(pair(c, 0) || pair(c, 1))
#define somebody_fits	(fits(0) || fits(1) || fits(2))

/* Commands of one interaction, and of one agent session, are carried out in order: whoever is to be rung waits until
   the older legs of the same caller and of the same agent are hung up. */
#define related(x, y)	((x) != (y) && (contact_of(x) == contact_of(y) || offer[x].agent == offer[y].agent))
#define before(x, y)	(related(x, y) && offer[y].to_hang_up && !offer[y].to_dial)
#define is_next(o)		(!before(o, 0) && !before(o, 1) && !before(o, 2) && !before(o, 3) && !before(o, 4) \
						&& !before(o, 5) && !before(o, 6) && !before(o, 7) && !before(o, 8))

/* Of an offer that is over only what may still touch a phone is of consequence: its leg, and a dial. Without either,
   nothing that is left can change anything, and its number can be given again. */
inline forget(o)
{
	if
	:: offer[o].state == OVER ->
		offer[o].found_due = 0; offer[o].tells_join = false; offer[o].tells_end = false;
		if
		:: !up(o) && !offer[o].to_dial && !offer[o].late_dial ->
			offer[o].state = 0; offer[o].agent = 0; offer[o].leg = 0;
			offer[o].answer_told = false; offer[o].end_told = false; offer[o].tells_answer = false;
			offer[o].to_bridge = false; offer[o].to_hang_up = false;
			offer[o].late_bridge = false; offer[o].late_hang_up = false
		:: else
		fi
	:: else
	fi
}

inline forget_all(c)
{
	forget(first(c)); forget(first(c) + 1); forget(first(c) + 2)
}

/* --- Services ---------------------------------------------------------------------------------------------------- */

/* Whoever makes a pair possible commits, and then runs a pass, or joins one of its process that has not begun. */
inline request_match(process)
{
	asked[process] = true
}

inline let_go(o)
{
	agent[offer[o].agent].held = false
}

inline close_offer(o)
{
	offer[o].state = OVER;
	let_go(o)
}

inline requeue(o)
{
	contact[contact_of(o)].state = QUEUED
}

inline arrive_call(c)
{
	if
	:: contact[c].state == 0 ->
#ifdef WITHOUT_COMMIT_FIRST
		printf("switch worker: caller %d comes into the queue, and a pass is asked for before the commit\n", c + 1);
		contact[c].state = UNCOMMITTED;
#else
		printf("switch worker: caller %d waits in the queue\n", c + 1);
		contact[c].state = QUEUED;
#endif
		request_match(SWITCH)
	:: else		/* known already */
	fi
}

inline agent_answered(o)
{
	if
	:: offer[o].answer_told
	:: else ->
		offer[o].answer_told = true;
		if
		:: live(o) && !offer[o].end_told ->
			tell("switch worker: agent %d accepts caller %d\n", o);
			offer[o].state = ACCEPTED; contact[contact_of(o)].state = CONNECTING;
			offer[o].to_bridge = true
		:: else ->
			tell("switch worker: agent %d accepts caller %d, and the offer is over\n", o);
			offer[o].to_hang_up = true
		fi
	fi
}

inline leg_bridged(o)
{
	if
	:: offer[o].state == ACCEPTED && !offer[o].end_told ->
		tell("switch worker: agent %d and caller %d talk\n", o);
		offer[o].state = CONNECTED; contact[contact_of(o)].state = ENGAGED
	:: else		/* the bridge of an offer that is over says nothing of the next */
	fi
}

inline agent_left(o)
{
	if
	:: offer[o].end_told
	:: else ->
		offer[o].end_told = true;
		if
		:: live(o) ->
			tell("switch worker: agent %d does not take caller %d, who keeps the place\n", o);
			close_offer(o); requeue(o);
			contact[contact_of(o)].excluded = contact[contact_of(o)].excluded | (1 << offer[o].agent);
			agent[offer[o].agent].open = false;
			request_match(SWITCH)
		:: offer[o].state == CONNECTED ->
			tell("switch worker: agent %d has left caller %d\n", o);
			close_offer(o);
			contact[contact_of(o)].to_hang_up = true;
			request_match(SWITCH)
		:: else
		fi
	fi
}

inline caller_left(c)
{
	if
	:: contact[c].state >= QUEUED && contact[c].state != ENDED ->
		printf("switch worker: caller %d is gone, the contact ends\n", c + 1);
		for (i : first(c) .. first(c) + 2) {
			if
			:: holds(i) -> offer[i].to_hang_up = true; close_offer(i); request_match(SWITCH)
			:: else
			fi
		}
		contact[c].state = ENDED; contact[c].excluded = 0; i = 0
	:: else
	fi
}

inline expire_offer(o)
{
	if
#ifdef WITHOUT_OFFER_FENCE
	:: live(o) ->
#else
	:: live(o) && fence(o) == offer[o].found_due ->
#endif
		tell("engine: the offer to agent %d of caller %d has expired\n", o);
		must(fence(o) == offer[o].found_due, "the timer of a former lease ends an offer\n");
		close_offer(o); requeue(o);
		offer[o].to_hang_up = true;
		agent[offer[o].agent].open = false;
		request_match(ENGINE)
	:: else
	fi;
	offer[o].found_due = 0
}

/* What a pass writes, in one transaction. */
inline make_offer(c, g)
{
	printf("router %d: offers caller %d to agent %d\n", who + 1, c + 1, g + 1);
	must(contact[c].state == QUEUED, "a caller who does not wait is offered\n");
	must(agent[g].open, "a caller is offered to an agent who is not ready\n");
	must(!excludes(c, g), "a caller is offered to the agent who has just refused them\n");
	for (i : 0 .. OFFERS - 1) {
		must(!holds(i) || contact_of(i) != c, "a caller is offered to two agents\n");
		must(!holds(i) || offer[i].agent != g, "an agent is given two callers\n")
	}
	i = first(c);
	do
	:: offer[i].state != 0 && i < first(c) + 2 -> i++
	:: else -> break
	od;
	must(offer[i].state == 0, "the model has too few numbers for offers\n");
	offer[i].state = OFFERED; offer[i].agent = g; offer[i].to_dial = true;
	contact[c].state = OFFERED;
	agent[g].held = true; i = 0
}

/* --- The exchange ------------------------------------------------------------------------------------------------ */

inline end_leg(o)
{
	offer[o].leg = GONE; offer[o].joined = false; offer[o].tells_end = true
}

inline end_line(c)
{
	contact[c].gone = true; contact[c].tells_leaving = true;
	offer[first(c)].joined = false; offer[first(c) + 1].joined = false; offer[first(c) + 2].joined = false
}

/* A command for a leg that is gone changes nothing. */
inline perform_dial(o)
{
	tell("exchange: rings agent %d for caller %d\n", o);
	must(offer[o].leg == 0, "a phone is rung twice for one offer\n");
	offer[o].leg = RINGS
}

inline perform_bridge(o)
{
	if
	:: offer[o].leg == LIFTED && !contact[contact_of(o)].gone && !offer[o].joined ->
		tell("exchange: joins agent %d and caller %d\n", o);
		for (i : 0 .. OFFERS - 1) {
			must(!offer[i].joined || offer[i].agent != offer[o].agent, "a phone is joined to two calls\n");
			must(!offer[i].joined || contact_of(i) != contact_of(o), "a caller is joined to two phones\n")
		}
		offer[o].joined = true; offer[o].tells_join = true; i = 0
	:: else
	fi
}

inline perform_hang_up(o)
{
	if
	:: up(o) -> tell("exchange: hangs up agent %d's leg for caller %d\n", o); end_leg(o)
	:: else
	fi
}

/* --- Callers and agents ------------------------------------------------------------------------------------------ */

inline caller_hangs_up(c)
{
	d_step {
		!contact[c].gone && contact[c].state == ENGAGED -> printf("caller %d: has been served, and hangs up\n", c + 1);
		end_line(c)
	}
}

inline caller_gives_up(c)
{
	d_step {
		!contact[c].gone && contact[c].state != ENGAGED && misfortunes -> misfortune();
		printf("caller %d: gives up\n", c + 1);
		end_line(c)
	}
}

proctype callers()
{
end:	do
	FOR_CONTACTS(caller_hangs_up)
	FOR_CONTACTS(caller_gives_up)
	od
}

inline agent_answers(o)
{
	d_step {
		offer[o].leg == RINGS -> tell("agent %d: answers, for caller %d\n", o);
		offer[o].leg = LIFTED; offer[o].tells_answer = true
	}
}

inline agent_hangs_up(o)	/* or refuses, or does not answer */
{
	d_step {
		up(o) && misfortunes -> misfortune();
		tell("agent %d: hangs up on caller %d\n", o);
		end_leg(o); forget(o)
	}
}

inline agent_returns(g)		/* logs in, is ready again, or is left in peace no more */
{
#ifdef WITHOUT_COMMIT_FIRST
	d_step {
		!agent[g].open && !agent[g].held && !agent[g].returning ->
		printf("agent %d: is ready, and a pass is asked for before the commit\n", g + 1);
		agent[g].returning = true; request_match(ENGINE)
	}
#else
	d_step {
		!agent[g].open && !agent[g].held -> printf("agent %d: is ready\n", g + 1);
		agent[g].open = true; request_match(ENGINE)
	}
#endif
}

proctype agents()
{
end:	do
	FOR_OFFERS(agent_answers)
	FOR_OFFERS(agent_hangs_up)
	FOR_AGENTS(agent_returns)
	od
}

/* --- The switch worker: reports of the exchange ------------------------------------------------------------------ */

inline receive(report)		/* any that is on its way; with bad luck the same comes again */
{
	if
	:: report = false
	:: misfortunes -> misfortune(); printf("exchange: will report the next once more\n")
	fi
}

inline call_arrived(c)
{
	atomic { contact[c].tells_arrival -> receive(contact[c].tells_arrival); d_step { arrive_call(c) } }
}

inline caller_ended(c)
{
	atomic { contact[c].tells_leaving -> receive(contact[c].tells_leaving); d_step { caller_left(c); forget_all(c) } }
}

inline leg_answered(o)
{
	atomic { offer[o].tells_answer -> receive(offer[o].tells_answer); d_step { agent_answered(o); forget(o) } }
}

inline leg_joined(o)
{
	atomic { offer[o].tells_join -> receive(offer[o].tells_join); d_step { leg_bridged(o); forget(o) } }
}

inline leg_ended(o)
{
	atomic { offer[o].tells_end -> receive(offer[o].tells_end); d_step { agent_left(o); forget(o) } }
}

proctype events()
{
end:	do
	FOR_CONTACTS(call_arrived)
	FOR_CONTACTS(caller_ended)
	FOR_OFFERS(leg_answered)
	FOR_OFFERS(leg_joined)
	FOR_OFFERS(leg_ended)
	od
}

/* What the exchange has and we do not know is told as if it had been reported. */
inline missed_arrival(c)
{
	d_step {
		!contact[c].gone && contact[c].state == 0 && !contact[c].tells_arrival ->
		printf("reconciliation: caller %d is there\n", c + 1);
		contact[c].tells_arrival = true
	}
}

inline vanished_caller(c)
{
	d_step {
		contact[c].gone && contact[c].state >= QUEUED && contact[c].state != ENDED && !contact[c].tells_leaving ->
		printf("reconciliation: caller %d is no longer there\n", c + 1);
		contact[c].tells_leaving = true
	}
}

inline missed_answer(o)
{
	d_step {
		offer[o].leg == LIFTED && !offer[o].answer_told && !offer[o].tells_answer && live(o) ->
		tell("reconciliation: agent %d has answered, for caller %d\n", o);
		offer[o].tells_answer = true
	}
}

inline missed_join(o)
{
	d_step {
		offer[o].joined && offer[o].state == ACCEPTED && !offer[o].tells_join ->
		tell("reconciliation: agent %d is joined with caller %d\n", o);
		offer[o].tells_join = true
	}
}

inline vanished_leg(o)		/* its row is made when the exchange first speaks of it */
{
	d_step {
		offer[o].leg == GONE && offer[o].answer_told && !offer[o].end_told && !offer[o].tells_end ->
		tell("reconciliation: agent %d's leg for caller %d is no longer there\n", o);
		offer[o].tells_end = true
	}
}

inline stray(o)
{
	d_step {
		up(o) && !offer[o].answer_told && !offer[o].tells_answer && !live(o) ->
		tell("reconciliation: agent %d's leg for caller %d is nobody's\n", o);
		perform_hang_up(o); forget(o)
	}
}

proctype reconciliation()
{
end:	do
	FOR_CONTACTS(missed_arrival)
	FOR_CONTACTS(vanished_caller)
	FOR_OFFERS(missed_answer)
	FOR_OFFERS(missed_join)
	FOR_OFFERS(vanished_leg)
	FOR_OFFERS(stray)
	od
}

/* --- The switch worker: commands --------------------------------------------------------------------------------- */

inline do_dial(o)
{
	d_step { offer[o].to_dial && is_next(o) -> offer[o].to_dial = false; perform_dial(o); forget(o) }
}

inline do_bridge(o)
{
	d_step { offer[o].to_bridge && is_next(o) -> offer[o].to_bridge = false; perform_bridge(o); forget(o) }
}

inline do_hang_up(o)
{
	d_step {
		offer[o].to_hang_up && !offer[o].to_dial && !offer[o].to_bridge ->
		offer[o].to_hang_up = false; perform_hang_up(o); forget(o)
	}
}

inline do_hang_up_caller(c)
{
	d_step {
		contact[c].to_hang_up -> contact[c].to_hang_up = false;
		if
		:: !contact[c].gone -> printf("exchange: hangs up caller %d\n", c + 1); end_line(c)
		:: else
		fi
	}
}

proctype commands()
{
end:	do
	FOR_OFFERS(do_dial)
	FOR_OFFERS(do_bridge)
	FOR_OFFERS(do_hang_up)
	FOR_CONTACTS(do_hang_up_caller)
	od
}

/* --- What happens to the switch worker --------------------------------------------------------------------------- */

/* A new socket brings what is reported from now on, and nothing of before. */
inline lose_reports()
{
	contact[0].tells_arrival = false; contact[0].tells_leaving = false;
	contact[1].tells_arrival = false; contact[1].tells_leaving = false;
	contact[2].tells_arrival = false; contact[2].tells_leaving = false;
	for (i : 0 .. OFFERS - 1) {
		offer[i].tells_answer = false; offer[i].tells_join = false; offer[i].tells_end = false
	}
	forget_all(0); forget_all(1); forget_all(2); i = 0
}

inline socket_is_replaced()
{
	d_step {
		misfortunes -> misfortune();
		printf("exchange: the socket is replaced, reports are lost\n");
		lose_reports()
	}
}

/* Which dials had it begun? They are never repeated; whatever else was begun, is. */
inline had_begun(o)
{
	if
	:: offer[o].to_dial -> tell("switch worker: had begun to ring agent %d for caller %d\n", o);
#ifndef WITHOUT_DIAL_ONCE
		offer[o].to_dial = false
#endif
	:: true
	fi
}

inline another_takes_over()
{
	had_begun(0); had_begun(1); had_begun(2); had_begun(3); had_begun(4);
	had_begun(5); had_begun(6); had_begun(7); had_begun(8);
	d_step { lose_reports() }
}

inline worker_dies()
{
	atomic {
		misfortunes -> misfortune();
		printf("switch worker: dies; the other one takes over\n");
		another_takes_over()
	}
}

/* It sleeps before one command, past its last look at the lease. */
inline sleeps_before_dial(o)
{
	atomic {
		misfortunes && offer[o].to_dial && !a_worker_sleeps -> misfortune();
		tell("switch worker: sleeps when about to ring agent %d for caller %d; the other one takes over\n", o);
		a_worker_sleeps = true; offer[o].late_dial = true;
#ifndef WITHOUT_DIAL_ONCE
		offer[o].to_dial = false;
#endif
		another_takes_over()
	}
}

inline sleeps_before_bridge(o)
{
	atomic {
		misfortunes && offer[o].to_bridge && !a_worker_sleeps -> misfortune();
		tell("switch worker: sleeps when about to join agent %d and caller %d; the other one takes over\n", o);
		a_worker_sleeps = true; offer[o].late_bridge = true;
		another_takes_over()
	}
}

inline sleeps_before_hang_up(o)
{
	atomic {
		misfortunes && offer[o].to_hang_up && !a_worker_sleeps -> misfortune();
		tell("switch worker: sleeps when about to hang up agent %d's leg for caller %d; the other one takes over\n", o);
		a_worker_sleeps = true; offer[o].late_hang_up = true;
		another_takes_over()
	}
}

proctype switch_worker()
{
end:	do
	:: socket_is_replaced()
	:: worker_dies()
	FOR_OFFERS(sleeps_before_dial)
	FOR_OFFERS(sleeps_before_bridge)
	FOR_OFFERS(sleeps_before_hang_up)
	od
}

/* --- The worker that slept --------------------------------------------------------------------------------------- */

inline late_dials(o)
{
	d_step {
		offer[o].late_dial -> printf("old switch worker: sends what it had in hand\n");
		offer[o].late_dial = false; perform_dial(o); forget(o)
	}
}

inline late_bridges(o)
{
	d_step {
		offer[o].late_bridge -> printf("old switch worker: sends what it had in hand\n");
		offer[o].late_bridge = false; perform_bridge(o); forget(o)
	}
}

inline late_hang_ups(o)
{
	d_step {
		offer[o].late_hang_up -> printf("old switch worker: sends what it had in hand\n");
		offer[o].late_hang_up = false; perform_hang_up(o); forget(o)
	}
}

/* Refused by the fence: the lease is another's. */
inline claims(o)
{
	d_step {
		a_worker_sleeps && (offer[o].to_dial || offer[o].to_bridge || offer[o].to_hang_up) ->
		tell("old switch worker: claims the commands for agent %d and caller %d\n", o);
		offer[o].late_dial = offer[o].late_dial || offer[o].to_dial;
		offer[o].late_bridge = offer[o].late_bridge || offer[o].to_bridge;
		offer[o].late_hang_up = offer[o].late_hang_up || offer[o].to_hang_up;
		offer[o].to_dial = false; offer[o].to_bridge = false; offer[o].to_hang_up = false
	}
}

inline wakes_up()
{
	d_step {
		a_worker_sleeps -> a_worker_sleeps = false;
		for (i : 0 .. OFFERS - 1) {
#ifdef WITHOUT_FENCE
			/* recovery finds what it claimed, and lets it begin again */
			offer[i].to_bridge = offer[i].to_bridge || offer[i].late_bridge;
			offer[i].to_hang_up = offer[i].to_hang_up || offer[i].late_hang_up;
#endif
			offer[i].late_dial = false; offer[i].late_bridge = false; offer[i].late_hang_up = false
		}
		forget_all(0); forget_all(1); forget_all(2); i = 0
	}
}

proctype old_switch_worker()
{
end:	do
	FOR_OFFERS(late_dials)
	FOR_OFFERS(late_bridges)
	FOR_OFFERS(late_hang_ups)
#ifdef WITHOUT_FENCE
	FOR_OFFERS(claims)
#endif
	:: wakes_up()
	od
}

/* --- Routers: the pass ------------------------------------------------------------------------------------------- */

#ifdef WITHOUT_LOCK
#define pool_is_free	true
#else
#define pool_is_free	!pool_is_locked
#endif

#ifdef WITHOUT_SECOND_LOOK
#define unchanged(c, g)	true
#else
#define unchanged(c, g)	(contact[c].state == QUEUED && free_slot(g))
#endif

inline run_pool()
{
	atomic {
		asked[who] && pool_is_free ->
		asked[who] = false; busy[who] = true; pool_is_locked = true
	}
}

/* The first in the queue for whom somebody is free; which of those agents, is the queue's rule: here any. */
inline decide()
{
	atomic {
		somebody_fits ->
		if
		:: fits(0) -> c = 0
		:: !fits(0) && fits(1) -> c = 1
		:: !fits(0) && !fits(1) -> c = 2
		fi;
		if
		:: pair(c, 0) -> g = 0
		:: !pair(c, 0) -> g = 1
		fi;
		printf("router %d: chooses agent %d for caller %d\n", who + 1, g + 1, c + 1)
	}
}

inline make_offers()
{
	d_step {
		if
		:: unchanged(c, g) -> make_offer(c, g)
		:: else -> printf("router %d: caller %d or agent %d is no longer free\n", who + 1, c + 1, g + 1)
		fi;
		c = 0; g = 0
	}
}

inline commit()
{
	busy[who] = false; pool_is_locked = busy[SWITCH] || busy[ENGINE]
}

inline router_dies()
{
	d_step {
		misfortunes && (asked[who] || busy[who]) -> misfortune();
		printf("router %d: dies, and what it had not committed is undone\n", who + 1);
		asked[who] = false; a_router_died = true; c = 0; g = 0;
		commit()
	}
}

proctype router(bit who)
{
	byte c, g;

idle:
end:	do
	:: run_pool() -> break
	:: router_dies()
	od;
	do
	:: decide();
		if
		:: make_offers()
		:: router_dies() -> goto idle
		fi
	:: d_step { !somebody_fits -> commit() } -> goto idle
	:: router_dies() -> goto idle
	od
}

/* --- The engine -------------------------------------------------------------------------------------------------- */

/* Nothing but its lease can end the offer: its dial was lost, or what came of it. */
#define hopeless(o)	(offer[o].state == OFFERED && !up(o) && !offer[o].to_dial && !offer[o].tells_answer && !offer[o].tells_end)

inline offer_is_due(o)
{
	d_step {
		hopeless(o) && !offer[o].found_due -> tell("engine: the offer to agent %d of caller %d is due\n", o);
		offer[o].found_due = fence(o)
	}
}

inline offer_is_due_early(o)
{
	d_step {
		live(o) && !hopeless(o) && !offer[o].found_due && misfortunes -> misfortune();
		tell("engine: the offer to agent %d of caller %d is due early\n", o);
		offer[o].found_due = fence(o)
	}
}

inline offer_timer(o)
{
	d_step { offer[o].found_due -> expire_offer(o); forget(o) }
}

inline end_exclusion(c)
{
	d_step {
		contact[c].excluded -> printf("engine: caller %d may be offered to everybody again\n", c + 1);
		contact[c].excluded = 0; request_match(ENGINE)
	}
}

#ifdef WITHOUT_COMMIT_FIRST
inline arrival_commits(c)
{
	d_step {
		contact[c].state == UNCOMMITTED -> printf("switch worker: commits that caller %d waits\n", c + 1);
		contact[c].state = QUEUED
	}
}

inline return_commits(g)
{
	d_step {
		agent[g].returning -> printf("agent %d: the commit\n", g + 1);
		agent[g].returning = false; agent[g].open = true
	}
}
#endif

/* No pass has made the pair, and none is to come. That is only so when a router died. */
inline sweep()
{
	d_step {
		somebody_fits && !asked[SWITCH] && !asked[ENGINE] && !busy[SWITCH] && !busy[ENGINE] ->
		printf("engine: the sweep finds a pair that no pass has made\n");
		must(a_router_died, "a caller and an agent who fit are overlooked\n");
		a_router_died = false; request_match(ENGINE)
	}
}

proctype engine()
{
end:	do
#ifndef WITHOUT_LEASE
	FOR_OFFERS(offer_is_due)
	FOR_OFFERS(offer_is_due_early)
	FOR_OFFERS(offer_timer)
#endif
	FOR_CONTACTS(end_exclusion)
#ifdef WITHOUT_COMMIT_FIRST
	FOR_CONTACTS(arrival_commits)
	FOR_AGENTS(return_commits)
#endif
#ifndef WITHOUT_SWEEP
	:: sweep()
#endif
	od
}

/* --- The run ----------------------------------------------------------------------------------------------------- */

proctype luck()		/* misfortunes may come; none has to */
{
end:	do
	:: d_step { misfortunes -> misfortunes = 0 }
	od
}

#define is_over(c)		(contact[c].gone && !contact[c].to_hang_up \
						&& (contact[c].state == ENDED || (contact[c].state == 0 && !contact[c].tells_arrival)) \
						&& !offer[first(c)].state && !offer[first(c) + 1].state && !offer[first(c) + 2].state)

/* Nobody waits, no phone rings, no agent is held, no command is left. */
#define everything_is_over	(is_over(0) && is_over(1) && is_over(2) && free_slot(0) && free_slot(1))

inline tell_left(c)
{
	if
	:: !is_over(c) && !contact[c].gone -> printf("in the end: caller %d is still on the line\n", c + 1)
	:: !is_over(c) && contact[c].gone -> printf("in the end: the contact of caller %d is not over\n", c + 1)
	:: is_over(c)
	fi
}

proctype the_end()
{
end:	atomic { timeout ->
			tell_left(0); tell_left(1); tell_left(2);
			if
			:: agent[0].held -> printf("in the end: agent 1 is reserved\n")
			:: else
			fi;
			if
			:: agent[1].held -> printf("in the end: agent 2 is reserved\n")
			:: else
			fi;
			must(everything_is_over, "nothing more happens, and not everything is over\n")
		}
}

#ifdef EVERY_RUN_ENDS
ltl every_run_ends { <> everything_is_over }
#endif

init
{
	atomic {
		/* Everybody calls. A call whose report is on its way has not begun, as far as anyone can tell. */
		contact[0].tells_arrival = true; contact[1].tells_arrival = CALLERS > 1; contact[2].tells_arrival = CALLERS > 2;
		contact[1].gone = CALLERS < 2; contact[2].gone = CALLERS < 3;
		run callers(); run agents(); run events(); run commands();
#ifndef WITHOUT_RECONCILIATION
		run reconciliation();
#endif
		run switch_worker(); run old_switch_worker(); run router(SWITCH); run router(ENGINE); run engine();
		run luck(); run the_end()
	}
}
