// Package runner runs services: it starts their processes, watches them become
// ready, restarts them as plans, operators and crashes ask for, and ends them
// with everything that came of them.
//
// What is promised: there is never more than one generation of a service, but
// for a successor that is started beside it, by a rolling restart or while it
// ends where they may overlap, and before a new one starts, or such a successor
// counts as ready, every process of the old one is gone, whether it left its
// group, its session or its parent. A successor that fails changes nothing for
// one that serves. A process is signalled only when it is known to be the one
// that was meant. A service is never slowed by who reads its output. It counts as
// ready by what its own processes show, never by an answer of others. The sockets
// that it is lent stay open while one generation follows another. At most one
// generation is wanted beside the one there is; later wishes join it. Only
// crashes pay into the crash budget.
//
// What is not: on systems other than Linux a process that leaves its group is
// lost sight of, the owner of a port is not known, and sd_notify does not work. On Linux a process that
// scrubs its environment, leaves its session, closes its output and loses its
// parent before the service is stopped is not recognised.
//
// One goroutine owns each service (service.go) and one decides whose turn it
// is (conductor.go). They send each other messages; timers and exits carry the
// generation they belong to. What a service does next is a table (machine.go),
// with a second one for a successor (succession.go, overlap.go), and what follows a crash is
// a function (policy.go).
//
// # The life of a service
//
//	stopped
//	    wanted, called                       -> waiting
//	    found                                -> starting
//	waiting
//	    wanted                                  stays       remember
//	    down                                 -> stopped
//	    cleared                              -> starting    prepare
//	    cooled                               -> cooldown    delay
//	    spent                                -> exhausted
//	starting, ready.timeout: overdue
//	    wanted, down, condemned, overdue, exited -> stopping    end
//	    lapped                               -> stopping    relay
//	    prepared                                stays       launch
//	    launched                                stays       probe
//	    refused, doomed                      -> held
//	    proved                               -> ready       guard
//	    unprobed                             -> unverified  guard
//	    emptied                              -> stopped
//	    crashed                              -> backoff     delay
//	    cooled                               -> cooldown    delay
//	    spent                                -> exhausted
//	ready, restart.stable_after: stable
//	    wanted, down, condemned, ailing, exited -> stopping    end
//	    rolled                                  stays       summon
//	    lapped                               -> stopping    relay
//	    recalled                                stays       dismiss
//	    stable                                  stays       forgive
//	    succeeded                            -> draining    drain
//	unverified, restart.stable_after: stable
//	    wanted, down, condemned, ailing, exited -> stopping    end
//	    lapped                               -> stopping    relay
//	    stable                                  stays       forgive
//	draining, drain: drained
//	    wanted                                  stays       remember
//	    down, condemned, exited, drained     -> stopping    end
//	    bereft                               -> ready       guard
//	stopping
//	    wanted, called, down, condemned         stays       remember
//	    proved                               -> ready       guard
//	    unprobed                             -> unverified  guard
//	    inherited                            -> starting
//	    emptied, done                        -> stopped
//	    renewed                              -> waiting
//	    crashed                              -> backoff     delay
//	    cooled                               -> cooldown    delay
//	    spent                                -> exhausted
//	    doomed                               -> held
//	    stuck                                -> unclean     look
//	backoff, restart.backoff: elapsed
//	    wanted, called, elapsed              -> waiting
//	    down                                 -> stopped
//	    cooled                               -> cooldown    delay
//	    spent                                -> exhausted
//	    doomed                               -> held
//	cooldown, restart.cooldown: elapsed
//	    wanted, called, elapsed              -> waiting
//	    down                                 -> stopped
//	    spent                                -> exhausted
//	    doomed                               -> held
//	held
//	    wanted, called, released             -> waiting
//	    down                                 -> stopped
//	exhausted
//	    wanted, called                       -> waiting
//	    down                                 -> stopped
//	unclean, 5s: elapsed
//	    wanted, called, down, condemned         stays       remember
//	    proved                               -> ready       guard
//	    unprobed                             -> unverified  guard
//	    inherited                            -> starting
//	    emptied, done                        -> stopped
//	    renewed                              -> waiting
//	    crashed                              -> backoff     delay
//	    cooled                               -> cooldown    delay
//	    spent                                -> exhausted
//	    doomed                               -> held
//	    stuck                                   stays       look
//	    elapsed                                 stays       end
//
// # The life of a successor
//
//	stopped
//	    rolled                               -> starting    prepare
//	starting, ready.timeout: overdue
//	    rolled, recalled, down, overdue, exited -> stopping    end
//	    prepared                                stays       launch
//	    launched                                stays       probe
//	    refused                              -> stopped     bury
//	    proved                               -> ready       guard
//	    unprobed                             -> unverified  guard
//	ready, settle: stable
//	    rolled, recalled, down, ailing, exited -> stopping    end
//	    stable                                  stays       succeed
//	unverified
//	    rolled, recalled, down, ailing, exited -> stopping    end
//	stopping
//	    rolled, recalled, down                  stays       remember
//	    emptied                              -> stopped     bury
//	    stuck                                   stays       look
//	    elapsed                                 stays       end
package runner
