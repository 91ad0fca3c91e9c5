// Numbers on questions and answers, limits of time, and losses in a row.
#include "harness/worker/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/bench/stopwatch.h"
#include "harness/worker/messages.h"
#include "harness/worker/socket.h"

namespace normbench {
namespace {

using nlohmann::json;

constexpr int kMostLosses = 3;  // in a row
// Libraries take seconds to start, and several start at once.
constexpr std::chrono::milliseconds kLeastLimitOfStart(10'000);
constexpr double kLargestCount = 1e15;

[[noreturn]] void refuse(const json& answer, const char* field) {
  throw std::invalid_argument(
      fmt::format("its {} is {:.80}", field,
                  answer.at(field).dump(-1, ' ', true, json::error_handler_t::replace)));
}

}  // namespace

std::string text_of(const json& answer, const char* field) {
  const auto found = answer.find(field);
  if (found == answer.end() || found->is_null()) return "";
  if (!found->is_string()) refuse(answer, field);
  return found->get<std::string>();
}

bool flag_of(const json& answer, const char* field, bool missing) {
  const auto found = answer.find(field);
  if (found == answer.end()) return missing;
  if (!found->is_boolean()) refuse(answer, field);
  return found->get<bool>();
}

std::set<std::string> texts_of(const json& answer, const char* field) {
  const auto found = answer.find(field);
  if (found == answer.end()) return {};
  const auto is_text = [](const json& item) { return item.is_string(); };
  if (!found->is_array() || !std::all_of(found->begin(), found->end(), is_text)) {
    refuse(answer, field);
  }
  return found->get<std::set<std::string>>();
}

double number_of(const json& answer, const char* field, double most) {
  const auto found = answer.find(field);
  if (found == answer.end()) return 0;
  if (!found->is_number()) refuse(answer, field);
  const double number = found->get<double>();
  if (!(number >= 0 && number <= most)) refuse(answer, field);
  return number;
}

std::int64_t count_of(const json& answer, const char* field) {
  return static_cast<std::int64_t>(number_of(answer, field, kLargestCount));
}

Connection::~Connection() {
  if (process_) process_->ask(R"({"ask":"bye"})", -1, std::chrono::seconds(1));
}

void Connection::start() {
  if (process_) return;
  ++generation_;
  hello_.reset();
  process_.emplace(options_.command);
}

const Hello& Connection::greet() {
  start();
  if (hello_) return *hello_;
  constexpr std::string_view kStage = "while it started";
  json message = {{"ask", "hello"}, {"protocol", kProtocol}};
  double seconds = 0;
  const json answer =
      exchange(message, kStage, -1, std::max(options_.limit, kLeastLimitOfStart), seconds);
  try {
    const std::int64_t protocol = count_of(answer, "protocol");
    if (protocol != kProtocol) {
      throw std::invalid_argument(
          fmt::format("it speaks version {}, and not {}", protocol, kProtocol));
    }
    Hello hello = {.name = text_of(answer, "name"),
                   .version = text_of(answer, "version"),
                   .language = text_of(answer, "language"),
                   .empty_call_ns = number_of(answer, "empty_call_ns", 1e9 * seconds),
                   .native_layout = flag_of(answer, "native_layout", false),
                   .can_read = texts_of(answer, "then").contains("read")};
    if (last_hello_ && last_hello_->name != hello.name) {
      throw std::invalid_argument(
          fmt::format("its name was {}, and is now {}", last_hello_->name, hello.name));
    }
    hello_ = hello;
    if (!last_hello_) last_hello_ = std::move(hello);
  } catch (const std::invalid_argument& error) {
    lose_by_protocol(kStage, error.what());
  }
  return *hello_;
}

json Connection::exchange(json& message, std::string_view stage, int file,
                          std::chrono::milliseconds limit, double& seconds) {
  using End = WorkerProcess::End;
  message["number"] = ++asked_;
  const Stopwatch stopwatch;
  const WorkerProcess::Answer answer = process_->ask(message.dump(), file, limit);
  seconds = stopwatch.seconds();
  if (answer.end == End::kTooLate) {
    const double allowed = std::chrono::duration<double>(limit).count();
    lose(Outcome::kTimedOut, fmt::format("took longer than {:.9g} s {}{}{}", allowed, stage,
                                         answer.text.empty() ? "" : "; ", answer.text));
  }
  if (answer.end == End::kBrokeProtocol) lose_by_protocol(stage, answer.text);
  if (answer.end == End::kEndedBefore) {
    lose(Outcome::kCrashed, fmt::format("before it was asked {}: {}", stage, answer.text));
  }
  if (answer.end != End::kAnswered) {
    lose(Outcome::kCrashed, fmt::format("{}: {}", stage, answer.text));
  }
  json parsed = json::parse(answer.text, nullptr, false);
  if (!parsed.is_object()) {
    lose_by_protocol(stage,
                     "it answered what is no JSON object: " + printable(answer.text.substr(0, 80)));
  }
  const auto number = parsed.find("number");
  if (number == parsed.end() || *number != asked_) {
    const std::string which = number == parsed.end() ? "no" : number->dump(-1, ' ', true);
    lose_by_protocol(stage,
                     fmt::format("it answered question {:.20}, and was asked {}", which, asked_));
  }
  const auto error = parsed.find("error");
  if (error != parsed.end()) {
    throw std::runtime_error(error->is_string() ? error->get<std::string>() : error->dump());
  }
  return parsed;
}

void Connection::lose_by_protocol(std::string_view stage, std::string_view how) {
  lose(Outcome::kCrashed, fmt::format("broke the protocol {}: {}", stage, how));
}

void Connection::lose(Outcome outcome, std::string reason) {
  process_.reset();
  ++losses_;
  outcome_ = outcome;
  last_reason_ = std::move(reason);
  throw WorkerLost(outcome_, last_reason_);
}

void Connection::refuse_after_losses() const {
  if (losses_ < kMostLosses) return;
  throw WorkerLost(outcome_, fmt::format("not tried, as {} cases in a row ended without a result; "
                                         "the last one: {}",
                                         losses_, last_reason_));
}

}  // namespace normbench
