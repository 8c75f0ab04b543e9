// Threads for what takes time inside a plugin. Not libuv's: Node waits for those at its end, however long they take, and has four of them for all
// that it reads and looks up.
#pragma once

#include <functional>

namespace node_pjrt {

// Does `work`, which does not throw, on another thread, as soon as one is free. What was asked for first begins first. Throws Error where there
// is no thread.
void run_on_worker(std::function<void()> work);

// The same on a thread that is there for it alone.
void run_on_own_thread(std::function<void()> work);

}  // namespace node_pjrt
