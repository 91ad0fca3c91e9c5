// normbench worker: hosts a backend of this build, for run, verify and repro, which start it.
#include "harness/bench/filter.h"
#include "harness/cli/verbs.h"
#include "harness/worker/serve.h"

namespace normbench {

void add_worker(CLI::App& app) {
  // Without a group it is not listed: people do not call it.
  CLI::App* verb = app.add_subcommand("worker", "Host a backend for another process")->group("");
  auto backend = std::make_shared<std::string>();
  verb->add_option("backend", *backend, "Its name, with its options if any")->required();
  verb->callback([backend] {
    const int socket = socket_of_worker();
    serve(find_backend(*backend), socket);
  });
}

}  // namespace normbench
