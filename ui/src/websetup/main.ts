// The web set-up: a page of its own that goes on from memory when the reader joins the network of a device.
// Nothing of it loads later, and its letters are those of the system.
import { mount } from "svelte";
import "../tokens.css";
import "../base.css";
import WebSetup from "./WebSetup.svelte";

mount(WebSetup, { target: document.getElementById("app")! });
