// Leaving the process while a plugin works. Its static destructors run under its own threads' feet and crash (oneDNN's code buffers do),
// so the process waits for what runs, and skips the destructors where it waited too long.
#pragma once

#include <chrono>

namespace node_pjrt {

// Work inside a plugin, from the moment it begins until the plugin is done with it, whatever thread that is on.
class InFlight {
 public:
  InFlight();
  ~InFlight();
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
};

// True once the process is leaving: work that is still queued is not begun any more.
bool exiting();

// Called when the process is about to exit. `cancel` ends what waits for JavaScript, of which there is no more. Waits until nothing is in
// flight, but no longer than `limit`.
void drain(std::chrono::milliseconds limit, void (*cancel)());

}  // namespace node_pjrt
