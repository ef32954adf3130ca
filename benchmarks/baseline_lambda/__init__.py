"""The trade API's main endpoints, written the usual way: what the benchmark measures the product against.

The usual way is that of AWS's own examples: Powertools' event handler, logger, metrics, tracer and
parameters, and the SDK, all imported at the top; a connection to the database for each request, since a
pool has no place in a function, and a connection that was kept may have died meanwhile.

It is meant to be good code of its kind, and no less correct where both do the same: the same tables, one
transaction for trade and position, one trade for an account and client order id under concurrency, exact
decimals, TLS with the server's name checked, READ COMMITTED so that neighbours do not deadlock. Where there
was a choice, it has the quicker one: the secret is kept for the whole life of the process (Powertools'
default is five seconds), trade ids grow with time, a few regular expressions validate a request, not a
library. Of what the product does beyond that, it does nothing: no retry, no time limit that follows the
invocation's, no way around a reader that is away, no reading of one's own write.

In one place the usual way is slow without need: the path of the authorities, given to PyMySQL as AWS shows
it, has all 81 of RDS read for every connection, which is 12 ms of processor time. `KEEP_TLS_CONTEXT` has
them read once. The benchmark measures both.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.Connecting.Python.html
"""
