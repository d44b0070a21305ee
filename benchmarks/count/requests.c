/* valgrind's client requests are C macros; these few functions make them callable from Python. Outside valgrind they do
   nothing. An order is what a debugger might type (dump, zero, v.info scheduler): only so it means every thread.
   https://valgrind.org/docs/manual/cl-manual.html#cl-manual.clientrequests */
#include <valgrind/callgrind.h>

int running(void) { return RUNNING_ON_VALGRIND; }
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }
void order(const char *line) { VALGRIND_MONITOR_COMMAND(line); }
