// normbench-worker: hosts a plugin, for normbench, which starts it. It links no library that is
// measured, as the plugin may bring another version of it.
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "harness/plugin/loader.h"
#include "harness/worker/serve.h"

int main(int count, char** arguments) {
  if (count != 3 || std::string(arguments[1]) != "--plugin") {
    std::fputs("usage: normbench-worker --plugin FILE.so\n", stderr);
    return 2;
  }
  try {
    const int socket = normbench::socket_of_worker();
    std::unique_ptr<normbench::Backend> backend;
    std::string objection;
    try {
      backend = normbench::load_plugin(arguments[2]);
    } catch (const std::exception& error) {
      objection = error.what();
    }
    if (backend) {
      normbench::serve(*backend, socket);
    } else {
      normbench::serve_error(objection, socket);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "normbench-worker: error: %s\n", error.what());
    return 2;
  }
  return 0;
}
