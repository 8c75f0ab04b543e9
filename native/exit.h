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

// Longer than this, neither the end of the process nor that of a worker waits for a plugin.
constexpr std::chrono::seconds kEndLimit{5};

// Called when the process is about to exit. `cancel` ends what waits for JavaScript, of which there is no more. Waits until nothing is in
// flight, but no longer than kEndLimit.
void drain(void (*cancel)());

// From now on, the process ends without its static destructors where anything is in flight then.
void skip_destructors();

}  // namespace node_pjrt
