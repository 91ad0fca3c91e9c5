// A worker's process, as the conductor sees it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/worker/socket.h"

namespace normbench {

struct WorkerCommand {
  std::vector<std::string> words = {};                  // program and arguments
  std::map<std::string, std::string> environment = {};  // beside that of this process
};

// In a process group of its own, on all CPUs that this process was lent, without standard input.
// What it prints is read while it is waited for, and the end of it kept. The system ends it before
// others where memory runs out, and when this process ends.
class WorkerProcess {
 public:
  // Throws std::system_error when no process can be made. A program that cannot be started ends at
  // once.
  explicit WorkerProcess(const WorkerCommand& command);
  // Ends it, and what it started.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // kEndedBefore: it was gone when it was asked.
  enum class End { kAnswered, kEnded, kEndedBefore, kTooLate, kBrokeProtocol };
  struct Answer {
    End end = End::kAnswered;
    std::string text = {};  // the packet; else what happened, in words
  };
  // Sends a packet, with a descriptor unless it is -1, and waits for one. Unless it was answered
  // the process is ended.
  Answer ask(const std::string& packet, int descriptor, std::chrono::milliseconds limit);
  // What it printed so far is not shown.
  void forget_output();

 private:
  Answer wait_for_answer(std::chrono::milliseconds limit);
  void read_output();
  Answer over(End end, std::string words);
  std::string how_it_ended();
  void kill_all();

  int process_ = -1;
  int process_descriptor_ = -1;  // -1 as well where the system has none
  bool reaped_ = false;
  int status_ = 0;
  Socket socket_;
  int output_ = -1;
  std::string printed_;  // the end of it
};

}  // namespace normbench
