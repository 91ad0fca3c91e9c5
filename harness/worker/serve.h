// The worker's end of the protocol.
#pragma once

#include <string>

#include "harness/core/backend.h"

namespace normbench {

// The socket that the conductor left; throws std::runtime_error when there is none.
int socket_of_worker();

// Answers until the conductor says bye or is gone. The backend's exceptions become answers.
void serve(const Backend& backend, int socket);

// The same where there is no backend: every answer is `error`.
void serve_error(const std::string& error, int socket);

}  // namespace normbench
