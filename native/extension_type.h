// The extensions of a plugin's PJRT_Api.
#pragma once

#include <cstring>

#include "pjrt_c_api.h"

namespace node_pjrt {

// Its type, which may be later than those of the header: as a number, since an enum of C++ holds no others.
inline int type_of(const PJRT_Extension_Base& extension) {
  static_assert(sizeof(extension.type) == sizeof(int));
  int type;
  std::memcpy(&type, &extension.type, sizeof type);
  return type;
}

}  // namespace node_pjrt
