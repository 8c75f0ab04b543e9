// A key-value store of JavaScript's that plugins of several processes find each other by. Any thread of a plugin may ask it, and waits.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "pjrt.h"

namespace node_pjrt {

class KeyValueStore;

// Of a JavaScript function (operation, key, value, timeout in ms, answer), as lib/pjrt/key-value.ts has it.
std::shared_ptr<KeyValueStore> store_of(Napi::Env env, const Napi::Function& ask);

// Has the plugin ask `store`, which the client's owner keeps.
void give_store(PJRT_Client_Create_Args& args, KeyValueStore* store);

// A promise of what `finish` makes, on the JS thread, after `work`, on a thread of its own. Not on a worker of libuv's: Node waits for those
// when an environment ends, before anybody is told that it does, and this one waits for the environment's store.
Napi::Promise beside_store(Napi::Env env, const std::shared_ptr<KeyValueStore>& store, std::function<void()> work,
                           std::function<Napi::Value(Napi::Env)> finish);

}  // namespace node_pjrt
