#!/usr/bin/env python3
"""The gateway's power state on a simulated GPIO chip (gpio-sim): lines pulled and read through the kernel's sysfs.

The bus is a hub, so that nothing of the machine's own CAN speaks. The gateway is asked by `cantwin twin get`. Runs in a
kernel with gpio-sim, as root.
"""
import os
import signal

from gpio_rig import Disk, Failure, Gateway, read, run_cases, stands_still, wait_for, write


def ignition_leads_through_all_states():
    with Gateway() as gateway:
        chip = gateway.chip
        gateway.start()
        gateway.wait_state("sleep")  # nobody is awake
        if (chip.value("STB"), chip.value("LED"), gateway.power("Polling")) != (0, 0, 0):
            raise Failure("asleep, but not silent")
        chip.pull("KL15", 1)
        gateway.wait_state("run")
        wait_for("the transceiver enabled", lambda: chip.value("STB") == 1)
        wait_for("the LED on", lambda: chip.value("LED") == 1)
        if (gateway.power("Ignition"), gateway.power("Polling"), gateway.power("Transceiver")) != (1, 1, 1):
            raise Failure("running, but the twin says otherwise")
        chip.pull("KL15", 0)
        gateway.process.wait_line("power: run -> after-run: ignition off")
        gateway.wait_state("sleep")
        wait_for("the transceiver in standby", lambda: chip.value("STB") == 0)
        said = [line.split("power: ")[1] for line in gateway.process.lines if "power: " in line]
        states = [line.split(": ")[0] for line in said]
        wanted = ["off -> wake", "wake -> sleep", "sleep -> run", "run -> after-run", "after-run -> sleep"]
        if states != wanted or gateway.power("Transitions") != len(wanted):
            raise Failure(str(said))


def wake_line_and_bus_wake_without_polling():
    with Gateway() as gateway:
        chip = gateway.chip
        gateway.start()
        gateway.wait_state("sleep")
        chip.pull("WAKE", 0)
        gateway.process.wait_line("power: sleep -> wake: wake line")
        wait_for("the transceiver enabled", lambda: chip.value("STB") == 1)
        if (gateway.power("WakeLine"), gateway.power("Polling"), gateway.power("Ignition")) != (1, 0, 0):
            raise Failure("awake, but the twin says otherwise")
        chip.pull("WAKE", 1)
        gateway.wait_state("sleep")
        gateway.frame()
        gateway.process.wait_line("power: sleep -> wake: a bus is active")
        gateway.wait_state("sleep")


def led_blinks_and_watchdog_is_kicked():
    with Gateway() as gateway:
        chip = gateway.chip
        chip.pull("WAKE", 0)
        gateway.start()
        for name in ("LED", "WDI"):
            for level in (1, 0, 1, 0):
                wait_for(f"{name} {level}", lambda n=name, v=level: chip.value(n) == v)
        # A gateway that stands still kicks nothing.
        gateway.process.signal(signal.SIGSTOP)
        stat = f"/proc/{gateway.process.process.pid}/stat"
        wait_for("the gateway stands still", lambda: read(stat).rsplit(")", 1)[1].split()[0] == "T")
        level = chip.value("WDI")
        changes = sum(chip.value("WDI") != level for _ in range(300))
        gateway.process.signal(signal.SIGCONT)
        if changes != 0:
            raise Failure(f"kicked {changes} times by nobody")
        for level in (1, 0):
            wait_for(f"WDI {level} after it went on", lambda v=level: chip.value("WDI") == v)


def a_storm_of_edges_is_no_ignition():
    with Gateway() as gateway:
        gateway.start("--gpio.debounce_ms", "500")  # longer than this machine may stand still
        gateway.wait_state("sleep")
        for i in range(2000):
            gateway.chip.pull("KL15", i % 2)
        gateway.chip.pull("KL15", 0)
        if gateway.power("State") != "sleep" or gateway.power("Transitions") != 2:
            raise Failure(f"{gateway.power('State')} after {gateway.power('Transitions')} transitions")
        gateway.chip.pull("KL15", 1)
        gateway.wait_state("run")


def a_thread_that_hangs_stops_the_watchdogs_line():
    with Gateway() as gateway:
        disk = Disk(gateway.folder)
        try:
            gateway.chip.pull("KL15", 1)
            gateway.start("--gpio.stuck_ms", "1000")
            gateway.wait_state("run")
            for level in (1, 0):
                wait_for(f"WDI {level}", lambda v=level: gateway.chip.value("WDI") == v)
            # The storage thread waits for a disk that never answers; the bus thread, whose line it is, goes on.
            disk.freeze(True)
            gateway.frame()
            gateway.process.wait_line("the thread storage does not come back: the watchdog's line is not served")
            wait_for("the watchdog's line standing still", lambda: stands_still(gateway, "WDI"))
            disk.freeze(False)
            for level in (1, 0):
                wait_for(f"WDI {level} after it came back", lambda v=level: gateway.chip.value("WDI") == v)
        finally:
            disk.close()


def a_reload_keeps_the_state_and_refuses_other_lines():
    with Gateway() as gateway:
        gateway.chip.pull("KL15", 1)
        gateway.start()
        gateway.wait_state("run")
        gateway.process.signal(signal.SIGHUP)
        gateway.process.wait_line("configuration reloaded")
        gateway.wait_state("run")
        path = os.path.join(gateway.folder, "gateway.yaml")
        write(path, read(path).replace("debounce_ms: 50", "debounce_ms: 60"))
        gateway.process.signal(signal.SIGHUP)
        gateway.process.wait_line("`gpio` can only be changed by a restart")
        gateway.chip.pull("KL15", 0)
        gateway.process.wait_line("power: run -> after-run")


def what_is_not_there_is_told():
    rows = [(["--gpio.chip", "gpiochip77"], "line 'KL15' of /dev/gpiochip77: not found"),
            (["--gpio.ignition.line", "KL99"], "gpio.ignition: error: line 'KL99' of"),
            (["--gpio.led.line", "8"], "gpio.led: error: line '8' of"),
            (["--gpio.led.line", "STB"], "in use by somebody else")]
    with Gateway() as gateway:
        for options, text in rows:
            process = gateway.run("gateway", "cantwin-gateway", "--config", "gateway.yaml", *options)
            status = process.wait_killed()
            if status != 3 or not any(text in line for line in process.lines):
                raise Failure(f"{options}: exit {status}: {process.lines}")


CASES = [("ignition_leads_through_all_states", ignition_leads_through_all_states, ()),
         ("wake_line_and_bus_wake_without_polling", wake_line_and_bus_wake_without_polling, ()),
         ("led_blinks_and_watchdog_is_kicked", led_blinks_and_watchdog_is_kicked, ()),
         ("a_storm_of_edges_is_no_ignition", a_storm_of_edges_is_no_ignition, ()),
         ("a_thread_that_hangs_stops_the_watchdogs_line", a_thread_that_hangs_stops_the_watchdogs_line, ()),
         ("a_reload_keeps_the_state_and_refuses_other_lines", a_reload_keeps_the_state_and_refuses_other_lines, ()),
         ("what_is_not_there_is_told", what_is_not_there_is_told, ())]
if __name__ == "__main__":
    run_cases(CASES)
